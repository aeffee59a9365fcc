/**
 * sin, cos and atan. Multiples of pi/2 are taken away in three parts of pi/2; from `largeArgument` on by the bits of 2/pi that count (Payne and Hanek 1983), in
 * a function of the module, so that every finite argument is right. Series of float32 are minimax fits made for this project, those of float64 Taylor's; errors
 * are below 2 units in the last place.
 */
import { int32, int64, type Operand } from '../register.js';
import { deviceFunction, Real } from './real.js';

/** (sin r / r - 1) / r^2 and (cos r - 1 + r^2 / 2) / r^4 in r^2, for |r| <= pi / 4. */
const sineSeries = { f32: [-0.16666655, 0.008332191, -0.00019518605], f64: alternating(3, 8) } as const;
const cosineSeries = {
  f32: [0.041666646, -0.001388731, 0.000024432327],
  f64: alternating(4, 7).map((c) => -c),
} as const;

/** -1/first!, 1/(first + 2)!, .... */
function alternating(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    let value = i % 2 === 0 ? -1 : 1;
    for (let n = 2; n <= first + 2 * i; n++) value /= n;
    return value;
  });
}

/** (atan t / t - 1) / t^2 in t^2, for |t| <= tan(pi / 8). */
const arcSeries = {
  f32: [-0.33333333, 0.19999977, -0.1428415, 0.11071348, -0.08624553, 0.050478206],
  f64: [
    -0.3333333333333333, 0.19999999999999804, -0.14285714285659748, 0.11111111105147764, -0.09090908753118594,
    0.07692296363979952, -0.066664246872465, 0.05878926715756726, -0.052304374642516874, 0.045515165635903104,
    -0.0345685906686069, 0.01628357235648259,
  ],
} as const;

const halfPi = {
  f32: [1.5707963705062866, -4.371138828673793e-8, -1.7151245100058819e-15],
  f64: [1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33],
} as const;

/** Here the multiple of pi/2 has so many bits that the three parts no longer do. */
const largeArgument = { f32: 2 ** 16, f64: 2 ** 20 } as const;

/** 2/pi, 64 bits a word. */
const twoOverPi = [
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
] as const;

/** sin(r + quadrant * pi / 2), the quadrant in the low bits of a register of 32. */
function ofQuadrant(f: Real, r: Operand, quadrant: Operand): Operand {
  const { body } = f;
  const z = f.mul(r, r, 'z');
  const s = f.fma(f.mul(r, z), f.polynomial(z, sineSeries[f.kind]), r, 'sine');
  const quartic = f.mul(f.mul(z, z), f.polynomial(z, cosineSeries[f.kind]));
  const half = f.mul(z, 0.5, 'half');
  const near = f.sub(1, half);
  const c = f.add(near, f.add(f.sub(f.sub(1, near), half), quartic), 'cosine');
  const bit = (n: number): Operand =>
    body.compare('ne.s32', body.op('s32', 'and.b32', [quadrant, int32(n)], 'bit'), int32(0));
  const size = f.choose(bit(1), c, s);
  return f.choose(bit(2), f.neg(size), size);
}

/** The remainder of a finite |x| of at least 2^20 by pi/2, from -pi/4 on, and how often it was taken, in the low bits. */
function largeRemainder(f: Real, x: Operand): { readonly r: Operand; readonly quadrant: Operand } {
  const { body } = f;
  const wide = (opcode: string, args: readonly Operand[], stem?: string): Operand => body.op('s64', opcode, args, stem);
  const bits = wide('and.b64', [f.bits(x), int64(2n ** 63n - 1n)], 'bits');
  const exponent = wide('shr.u64', [bits, int32(52)], 'exponent');
  // |x| = m 2^e, with the leading bit of m set.
  const significand = wide('or.b64', [wide('shl.b64', [bits, int32(11)]), int64(-(2n ** 63n))], 'm');
  const e = wide('sub.s64', [exponent, int64(1023 + 63)], 'e');
  // The first word of 2/pi whose product with m is not wholly a multiple of 4, and how far its bits reach above.
  const above = wide('sub.s64', [e, int64(2)], 'above');
  const first = wide('shr.s64', [above, int32(6)], 'first');
  const shift = body.op('s32', 'cvt.u32.u64', [wide('and.b64', [above, int64(63)])], 'shift');
  const words = [0, 1, 2, 3].map((further) =>
    twoOverPi.reduce<Operand>((chosen, word, i) => {
      const isIt = body.compare('eq.s64', first, int64(i - further));
      return body.choose(isIt, int64(word), chosen);
    }, int64(0)),
  ) as [Operand, Operand, Operand, Operand];
  const low = words.map((word) => wide('mul.lo.s64', [significand, body.inRegister(word)], 'low'));
  const high = words.map((word) => wide('mul.hi.u64', [significand, body.inRegister(word)], 'high'));
  const carried = (sum: Operand, part: Operand): Operand =>
    body.choose(body.compare('lt.u64', sum, part), int64(1), int64(0));
  const p1 = wide('add.s64', [low[2] as Operand, high[3] as Operand], 'p1');
  const p2 = wide('add.s64', [low[1] as Operand, high[2] as Operand], 'p2');
  const carry1 = carried(p1, low[2] as Operand);
  const p2c = wide('add.s64', [p2, carry1], 'p2');
  const carry2 = wide('add.s64', [carried(p2, low[1] as Operand), carried(p2c, carry1)], 'carry');
  const p3 = wide('add.s64', [wide('add.s64', [low[0] as Operand, high[1] as Operand]), carry2], 'p3');
  const back = body.op('s32', 'sub.s32', [int32(64), shift], 'back');
  const joined = (upper: Operand, lower: Operand): Operand =>
    wide('or.b64', [wide('shl.b64', [upper, shift]), wide('shr.u64', [lower, back])], 'turns');
  const [turns, rest] = [joined(p3, p2c), joined(p2c, p1)];
  // Two bits of quarter turns, then the fraction; from a half on it counts from the next quarter back.
  const fraction = wide('or.b64', [wide('shl.b64', [turns, int32(2)]), wide('shr.u64', [rest, int32(62)])], 'fraction');
  const fractionLow = wide('shl.b64', [rest, int32(2)], 'fraction');
  const sign = wide('shr.s64', [fraction, int32(63)], 'sign');
  const quadrant = wide('sub.s64', [wide('shr.u64', [turns, int32(62)]), sign], 'quadrant');
  const size = wide('xor.b64', [fraction, sign], 'size');
  const sizeLow = wide('xor.b64', [fractionLow, sign], 'size');
  const zeros = body.op('s32', 'clz.b64', [size], 'zeros');
  const digits = wide(
    'or.b64',
    [wide('shl.b64', [size, zeros]), wide('shr.u64', [sizeLow, body.op('s32', 'sub.s32', [int32(64), zeros])])],
    'digits',
  );
  const value = body.op('f64', 'cvt.rn.f64.u64', [digits], 'value');
  const places = wide('cvt.s64.s32', [body.op('s32', 'sub.s32', [int32(-64), zeros])], 'places');
  const angle = f.mul(f.mul(value, halfPi.f64[0]), f.powerOfTwo(places), 'angle');
  const r = f.choose(body.compare('lt.s64', sign, int64(0)), f.neg(angle), angle);
  return { r, quadrant: body.op('s32', 'cvt.u32.u64', [quadrant], 'quadrant') };
}

/** sin(x + turns * pi / 2) of a large x. */
const sineOfLarge = deviceFunction('sine_of_large', ['f64', 's32'], 'f64', (body, [x, turns]) => {
  const f = new Real(body, 'f64');
  const given = x as Operand;
  const { r, quadrant } = largeRemainder(f, given);
  const isNegative = f.is('lt', given, 0);
  // sin(-|x| + turns) = -sin(|x| - turns).
  const forward = body.op('s32', 'add.s32', [quadrant, turns as Operand]);
  const backward = body.op('s32', 'sub.s32', [quadrant, turns as Operand]);
  const value = ofQuadrant(f, r, body.choose(isNegative, backward, forward));
  const signed = f.choose(isNegative, f.neg(value), value);
  return f.choose(f.is('lt', f.abs(given), Infinity), signed, Number.NaN);
});

function sine(f: Real, x: Operand, turns: 0 | 1): Operand {
  const { body, kind } = f;
  const { n, whole } = f.nearest(x, 2 / Math.PI);
  const r = halfPi[kind].reduce<Operand>((rest, part) => f.fma(n, -part, rest, 'r'), x);
  const low = kind === 'f32' ? whole : body.op('s32', 'cvt.u32.u64', [whole], 'quadrant');
  const quadrant = turns === 0 ? low : body.op('s32', 'add.s32', [low, int32(1)], 'quadrant');
  const result = body.op(kind, `mov.${kind}`, [ofQuadrant(f, r, quadrant)], turns === 0 ? 'sin' : 'cos');
  body.when(f.is('geu', f.abs(x), largeArgument[kind]), () => {
    const wide = kind === 'f64' ? body.inRegister(x) : body.op('f64', 'cvt.f64.f32', [body.inRegister(x)], 'wide');
    const value = body.call(sineOfLarge, [wide, body.inRegister(int32(turns))]);
    body.assign(result, kind === 'f64' ? 'mov.f64' : 'cvt.rn.f32.f64', [value]);
  });
  return result;
}

export function sin(f: Real, x: Operand): Operand {
  // The sums would lose the sign of -0.
  return f.choose(f.is('lt', f.abs(x), f.format.tiny), x, sine(f, x, 0));
}

export function cos(f: Real, x: Operand): Operand {
  return sine(f, x, 1);
}

/** By 1/x above 1, and by (t - 1) / (t + 1) above tan(pi / 8). */
export function atan(f: Real, x: Operand): Operand {
  const size = f.abs(x);
  const isInverted = f.is('gt', size, 1);
  const t = f.choose(isInverted, f.div(1, size), size);
  const isTurned = f.is('gt', t, Math.SQRT2 - 1);
  const u = f.choose(isTurned, f.quotient(f.sub(t, 1), f.add(t, 1), 'u'), t);
  const z = f.mul(u, u, 'z');
  const arc = f.fma(f.mul(f.polynomial(z, arcSeries[f.kind]), z), u, u, 'arc');
  const [high, low] = halfPi[f.kind];
  const turned = f.choose(isTurned, f.add(f.add(arc, low / 2), high / 2), arc);
  const value = f.choose(isInverted, f.add(f.sub(high, turned), low), turned);
  const signed = f.withSign(value, x);
  return f.choose(f.is('nan', x, x), x, signed);
}
