/**
 * x = q * pi / 2 + r for large x, exactly enough for every float64: the bits of 2 / pi that matter times the significand, in 192-bit integers
 * (Payne and Hanek, "Radian reduction for trigonometric functions", 1983). Owns the one scalar function; `trigonometry.ts` calls it
 * for the rare lane that needs it.
 */
import {
  type Callable,
  call,
  f64,
  f64x2,
  i32,
  i64,
  i64x2,
  type Local,
  type ModuleBuilder,
  type Operand,
  select,
  type Value,
} from '../wasm/index.js';

/** 2 / pi in words of 64 bits after the binary point, with one word of zeros before them. */
const twoOverPi = [
  0x0000000000000000n,
  0xa2f9836e4e441529n,
  0xfc2757d1f534ddc0n,
  0xdb6295993c439041n,
  0xfe5163abdebbc561n,
  0xb7246e3a424dd2e0n,
  0x06492eea09d1921cn,
  0xfe1deb1cb129a73en,
  0xe88235f52ebb4484n,
  0xe99c7026b45f7e41n,
  0x3991d639835339f4n,
  0x9c845f8bbdf9283bn,
  0x1ff897ffde05980fn,
  0xef2f118b5a0a6d1fn,
  0x6d367ecf27cb09b7n,
  0x4f463f669e5fea2dn,
  0x7527bac7ebe5f17bn,
  0x3d0739f78a5292ean,
  0x6bfb5fb11f8d5d08n,
  0x56033046fc7b6babn,
];

/** word(i) is the i-th of the words above. */
function words(module: ModuleBuilder): Callable {
  return module.once('math.twoOverPi', () => {
    const f = module.function('twoOverPi', { i: 'i32' }, 'i64');
    twoOverPi.forEach((word, i) => {
      f.if(i32.eq(f.params.i, i), () => f.return(i64.const(word)));
    });
    f.return(i64.const(0));
    return f;
  });
}

/** The upper 64 bits of a 128-bit product. */
function multiplyHigh(module: ModuleBuilder): Callable {
  return module.once('math.multiplyHigh', () => {
    const f = module.function('multiplyHigh', { a: 'i64', b: 'i64' }, 'i64');
    const { a, b } = f.params;
    const low = (v: Operand) => i64.and(v, 0xffffffff);
    const high = (v: Operand) => i64.shrU(v, 32);
    const middle = f.let('middle', i64.add(i64.mul(high(a), low(b)), high(i64.mul(low(a), low(b)))));
    const other = f.let('other', i64.add(i64.mul(low(a), high(b)), low(middle)));
    f.return(i64.add(i64.add(i64.mul(high(a), high(b)), high(middle)), high(other)));
    return f;
  });
}

/** (x: f64) -> r in the first lane as float64, q modulo 4 in the second as int64, for |x| >= 2^19; r is NaN if x is infinite. */
export function reduceLarge(module: ModuleBuilder): Callable {
  return module.once('math.reduceLarge', () => {
    const f = module.function('reduceLarge', { x: 'f64' }, 'v128');
    const word = words(module);
    const high = multiplyHigh(module);
    const bits = f.let('bits', i64.reinterpretF64(f.params.x));
    const exponent = f.let('exponent', i32.and(i32.wrapI64(i64.shrU(bits, 52)), 2047));
    f.if(i32.eq(exponent, 2047), () => f.return(f64x2.const(Number.NaN)));
    const significand = f.let('significand', i64.or(i64.and(bits, 0xfffffffffffffn), 1n << 52n));
    // The first bit of 2 / pi whose product with the significand is no multiple of 4.
    const at = f.let('at', i32.sub(exponent, 1013));
    const shift = f.let('shift', i64.extendI32U(i32.and(at, 63)));
    const first = f.let('first', i32.shrU(at, 6));
    const w = [0, 1, 2, 3].map((i) => f.let(`w${i}`, call(word, i32.add(first, i))));
    const window = [0, 1, 2].map((i) => f.let(`window${i}`, joined(w[i] as Local, w[i + 1] as Local, shift))) as [
      Local,
      Local,
      Local,
    ];
    const low = f.let('low', i64.mul(significand, window[2]));
    const carried = f.let('carried', call(high, significand, window[2]));
    const middle = f.let('middle', i64.add(i64.mul(significand, window[1]), carried));
    const carry = i64.extendI32U(i64.ltU(middle, carried));
    const top = f.let(
      'top',
      i64.add(i64.mul(significand, window[0]), i64.add(call(high, significand, window[1]), carry)),
    );
    // Two bits of quadrant, then the fraction; from one half on it is the next quadrant's, and negative.
    const fraction = f.let('fraction', joined(top, middle, i64.const(2)));
    const beyond = f.let('beyond', joined(middle, low, i64.const(2)));
    const negative = f.let('negative', i64.shrS(fraction, 63));
    const quadrant = f.let('quadrant', i64.sub(i64.shrU(top, 62), negative));
    f.set(fraction, i64.xor(fraction, negative));
    f.set(beyond, i64.xor(beyond, negative));
    // No float64 comes so near to a multiple of pi / 2 that `fraction` would be 0.
    const zeros = f.let('zeros', i64.clz(fraction));
    const digits = f64.convertI64S(i64.shrU(joined(fraction, beyond, zeros), 1));
    const scale = f64.reinterpretI64(i64.shl(i64.sub(1023 - 63, zeros), 52));
    const size = f64.mul(f64.mul(digits, scale), Math.PI / 2);
    const minus = f.let('minus', i64.shrS(bits, 63));
    const r = f64.reinterpretI64(i64.xor(i64.reinterpretF64(size), i64.shl(i64.xor(negative, minus), 63)));
    const signed = select(i64.sub(0, quadrant), quadrant, i32.wrapI64(minus));
    f.return(i64x2.replaceLane(f64x2.splat(r), signed, 1));
    return f;
  });
}

/** The upper 64 bits of (high, low) << shift, shift below 64. */
function joined(high: Local, low: Local, shift: Value): Value {
  return i64.or(i64.shl(high, shift), i64.shrU(i64.shrU(low, 1), i64.sub(63, shift)));
}
