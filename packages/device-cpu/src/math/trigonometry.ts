/**
 * sin, cos and atan of vectors. sin and cos take multiples of pi/2 away in float64 for both widths, in three parts where that is exact
 * (|x| < 2^19); lanes beyond go one by one through `large-argument.ts`, so every finite argument is right. Polynomials are minimax fits made
 * for this file. Error measured: below 1.5 units in the last place for sin and cos, 2 for atan.
 */
import { call, f64x2, i64x2, type Local, shuffleLanes, type Value, v128 } from '../wasm/index.js';
import { reduceLarge } from './large-argument.js';
import { type FloatName, narrow, type Site, widen } from './site.js';

interface TrigonometryTable {
  /** (sin r / r - 1) / r^2 in r^2, for |r| <= pi / 4. */
  readonly sine: readonly number[];
  /** (cos r - 1 + r^2 / 2) / r^4 in r^2. */
  readonly cosine: readonly number[];
  /** (atan y / y - 1) / y^2 in y^2, for |y| <= tan(pi / 8). */
  readonly arcTangent: readonly number[];
  /** pi / 2 as the nearest number and what is missing. */
  readonly halfPi: readonly [number, number];
}

const tables: Readonly<Record<FloatName, TrigonometryTable>> = {
  float32: {
    sine: [-0.16666655242443085, 0.008332191035151482, -0.00019518604676704854],
    cosine: [0.04166664555668831, -0.0013887309469282627, 2.4432327336398885e-5],
    arcTangent: [
      -0.33333316445350647, 0.1999852955341339, -0.14244422316551208, 0.10599356889724731, -0.060903556644916534,
    ],
    halfPi: [1.5707963705062866, -4.371138828673793e-8],
  },
  float64: {
    sine: [
      -0.16666666666666632, 0.008333333333322486, -0.0001984126982985345, 2.7557313705128795e-6, -2.50507599051348e-8,
      1.5896887709490231e-10,
    ],
    cosine: [
      0.041666666666666595, -0.001388888888887334, 2.4801587288999603e-5, -2.7557314216052125e-7, 2.0875705230509505e-9,
      -1.1358739260430172e-11,
    ],
    arcTangent: [
      -0.333333333333332, 0.19999999999953766, -0.1428571428021212, 0.11111110784146748, -0.0909089777516751,
      0.07692060486109466, -0.06663106695301808, 0.058479053974523784, -0.05039363149927319, 0.0380656966806365,
      -0.0179080826405561,
    ],
    halfPi: [1.5707963267948966, 6.123233995736766e-17],
  },
};

/** pi / 2 in parts of 33, 33 and 53 bits. */
const halfPiParts = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21] as const;
const largeArgument = 2 ** 19;

/** x = quadrant * pi / 2 + r + low; the quadrant stands in the low bits of each lane, what is above them is noise. */
interface Reduced {
  readonly r: Local;
  readonly low: Local | null;
  readonly quadrant: Local;
}

/** Two float64 lanes. */
function reduce64(wide: Site, x: Local): { r: Local; low: Local; quadrant: Local } {
  const { F, I, magic, magicBits } = wide.lanes;
  const { f } = wide;
  const shifted = wide.let('shifted', F.add(F.mul(x, 2 / Math.PI), magic));
  const n = wide.let('n', F.sub(shifted, magic));
  // Each difference is exact or keeps what it rounds away.
  const first = wide.let('first', F.sub(x, F.mul(n, halfPiParts[0])));
  const second = wide.let('secondPart', F.mul(n, halfPiParts[1]));
  const both = wide.let('both', F.sub(first, second));
  const rest = wide.let('rest', F.sub(F.mul(n, halfPiParts[2]), F.sub(F.sub(first, both), second)));
  const r = wide.let('r', F.sub(both, rest));
  const low = wide.let('low', F.sub(F.sub(both, r), rest));
  const quadrant = wide.let('quadrant', I.sub(shifted, magicBits));

  const beyond = wide.let('beyond', F.ge(F.abs(x), largeArgument));
  f.if(v128.anyTrue(beyond), () => {
    for (const lane of [0, 1] as const) {
      const one = wide.let('one', call(reduceLarge(wide.module), f64x2.extractLane(x, lane)));
      const here = wide.let('here', v128.and(beyond, lane === 0 ? i64x2.const(-1, 0) : i64x2.const(0, -1)));
      f.set(r, v128.bitselect(shuffleLanes(one, one, [0, 0]), r, here));
      f.set(quadrant, v128.bitselect(shuffleLanes(one, one, [1, 1]), quadrant, here));
      f.set(low, v128.andnot(low, here));
    }
  });
  return { r, low, quadrant };
}

function reduce(site: Site, x: Local): Reduced {
  if (site.lanes.name === 'float64') return reduce64(site, x);
  const wide = site.as('float64');
  const [lowHalf, highHalf] = widen(site, x).map((half) => reduce64(wide, half)) as [Reduced, Reduced];
  return {
    r: site.let('r', narrow(lowHalf.r, highHalf.r)),
    low: null,
    quadrant: site.let('quadrant', shuffleLanes(lowHalf.quadrant, highHalf.quadrant, [0, 2, 4, 6])),
  };
}

/** sin(x + turns * pi / 2). */
function sine(site: Site, x: Local, turns: 0 | 1): Value {
  const { F, I, signBit, mantissa } = site.lanes;
  const table = tables[site.lanes.name];
  const width = mantissa === 23 ? 32 : 64;
  const { r, low, quadrant } = reduce(site, x);
  if (turns === 1) site.f.set(quadrant, I.add(quadrant, 1));
  const z = site.let('z', F.mul(r, r));
  const cubic = site.let('cubic', F.mul(F.mul(r, z), site.polynomial(z, table.sine)));
  const s = F.add(r, low === null ? cubic : F.add(cubic, low));
  const half = site.let('half', F.mul(z, 0.5));
  const near = site.let('near', F.sub(1, half));
  const quartic = site.let('quartic', F.mul(F.mul(z, z), site.polynomial(z, table.cosine)));
  const far = low === null ? quartic : F.sub(quartic, F.mul(r, low));
  const c = F.add(near, F.add(F.sub(F.sub(1, near), half), far));
  const odd = I.shrS(I.shl(quadrant, width - 1), width - 1);
  return v128.xor(v128.bitselect(c, s, odd), v128.and(I.shl(quadrant, width - 2), signBit));
}

export function sin(site: Site, x: Local): Value {
  const { F, tiny } = site.lanes;
  // The sum above would lose the sign of -0.
  return v128.bitselect(x, sine(site, x, 0), F.lt(F.abs(x), tiny));
}

export function cos(site: Site, x: Local): Value {
  return sine(site, x, 1);
}

/** atan |x| = base + atan y, with y = x, (x - 1) / (x + 1) or -1 / x. */
export function atan(site: Site, x: Local): Value {
  const { F } = site.lanes;
  const { arcTangent, halfPi } = tables[site.lanes.name];
  const a = site.let('a', F.abs(x));
  const large = site.let('large', F.gt(a, Math.SQRT2 + 1));
  const medium = site.let('medium', F.gt(a, Math.SQRT2 - 1));
  const choose = (ofLarge: Value, ofMedium: Value, ofSmall: Value) =>
    v128.bitselect(ofLarge, v128.bitselect(ofMedium, ofSmall, medium), large);
  const y = site.let('y', F.div(choose(F.const(-1), F.sub(a, 1), a), choose(a, F.add(a, 1), F.const(1))));
  const z = site.let('z', F.mul(y, y));
  const base = (i: 0 | 1) => choose(F.const(halfPi[i]), F.const(halfPi[i] / 2), F.const(0));
  const rest = site.madd(F.mul(y, z), site.polynomial(z, arcTangent), base(1));
  return site.withSign(F.add(base(0), F.add(y, rest)), x);
}
