/**
 * sin and cos of float32 vectors: multiples of pi/2 are taken away in float64 for |x| < 2^19; lanes beyond are the engine's, so every finite argument is
 * right. Polynomials are minimax fits made for this file. Error measured: below 1.5 units in the last place.
 */
import { f32x4, f64x2, i32x4, type Local, shuffleLanes, type Value, v128 } from '../wasm/index.js';
import { ofEngine } from './engine.js';
import { narrowed, type Site, tiny, widened } from './site.js';

/** (sin r / r - 1) / r^2 in r^2, for |r| <= pi / 4. */
const sineSeries = [-0.16666655, 0.008332191, -0.00019518605];
/** (cos r - 1 + r^2 / 2) / r^4 in r^2. */
const cosineSeries = [0.041666646, -0.001388731, 0.000024432327];
/** pi / 2 in parts of 33 and 53 bits. */
const halfPiParts = [1.5707963267341256, 6.077100506506192e-11] as const;
const largeArgument = 2 ** 19;

/** Adding this to a float64 rounds to a whole number, which then stands in the low bits. */
const magic = 1.5 * 2 ** 52;

/** x = quadrant * pi / 2 + r; the quadrant stands in the low bits of each lane, what is above them is noise. */
function reduced(site: Site, x: Local): { r: Local; quadrant: Local } {
  const halves = widened(x).map((half) => {
    const wide = site.let('wide', half);
    const shifted = site.let('shifted', f64x2.add(f64x2.mul(wide, 2 / Math.PI), magic));
    const n = site.let('n', f64x2.sub(shifted, magic));
    const r = f64x2.sub(f64x2.sub(wide, f64x2.mul(n, halfPiParts[0])), f64x2.mul(n, halfPiParts[1]));
    return { r, shifted };
  }) as [{ r: Value; shifted: Local }, { r: Value; shifted: Local }];
  return {
    r: site.let('r', narrowed(halves[0].r, halves[1].r)),
    quadrant: site.let('quadrant', shuffleLanes(halves[0].shifted, halves[1].shifted, [0, 2, 4, 6])),
  };
}

/** sin(x + turns * pi / 2). */
function sine(site: Site, x: Local, turns: 0 | 1): Value {
  const { f } = site;
  const { r, quadrant } = reduced(site, x);
  if (turns === 1) f.set(quadrant, i32x4.add(quadrant, 1));
  const z = site.let('z', f32x4.mul(r, r));
  const s = f32x4.add(r, f32x4.mul(f32x4.mul(r, z), site.polynomial(z, sineSeries)));
  const quartic = f32x4.mul(f32x4.mul(z, z), site.polynomial(z, cosineSeries));
  const half = site.let('half', f32x4.mul(z, 0.5));
  const near = site.let('near', f32x4.sub(1, half));
  const c = f32x4.add(near, f32x4.add(f32x4.sub(f32x4.sub(1, near), half), quartic));
  const odd = i32x4.shrS(i32x4.shl(quadrant, 31), 31);
  const minus = v128.and(i32x4.shl(quadrant, 30), i32x4.const(-0x80000000));
  const out = site.let(turns === 0 ? 'sine' : 'cosine', v128.xor(v128.bitselect(c, s, odd), minus));
  const beyond = site.let('beyond', f32x4.ge(f32x4.abs(x), largeArgument));
  f.if(v128.anyTrue(beyond), () =>
    f.set(out, v128.bitselect(ofEngine(site, turns === 0 ? 'sin' : 'cos', 'float32', [x]), out, beyond)),
  );
  return out;
}

export function sin(site: Site, x: Local): Value {
  // The sum above would lose the sign of -0.
  return v128.bitselect(x, sine(site, x, 0), f32x4.lt(f32x4.abs(x), tiny));
}

export function cos(site: Site, x: Local): Value {
  return sine(site, x, 1);
}
