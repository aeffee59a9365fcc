/**
 * erf of vectors. float32: 1 - e^(-L(x)) with a polynomial for L(x) / x = -log(erfc x) / x, so that small x needs no case of its own.
 * float64: a polynomial in x^2 below 3/4, and 1 - e^(-x^2) g(x) above, g a polynomial in (x - 3) / (x + 3). All are minimax fits made
 * for this file. Error measured: below 3 units in the last place.
 */
import { f32x4, f64x2, i64x2, type Local, type Value, v128 } from '../wasm/index.js';
import { ofEngine } from './engine.js';
import { expm1Core } from './exponential.js';
import { type Site, withSign } from './site.js';

/** L(x) / x - 1 on [0, 4.03]. */
const negativeLogErfc = [
  0.12837917, 0.63661957, 0.102776304, -0.019147826, -0.00016948518, 0.0016756413, -0.0006373337, 0.00011884963,
  -0.000009386231,
];

/** erf(x) / x - 1 in x^2, for x below 3/4. */
const small = [
  0.1283791670955126, -0.3761263890318417, 0.11283791670978359, -0.02686617065015035, 0.00522397768139348,
  -0.0008548330609459, 0.0001205547070625, -0.0000149287939234, 0.0000016501155056, -1.65373277e-7, 1.362085e-8,
];

/** e^(x^2) erfc(x) in (x - 3) / (x + 3), for x between 3/4 and 5.93. */
const large = [
  0.1790011511813863, -0.3262335600431499, 0.24560380171329765, -0.15011593643130347, 0.07166583825676123,
  -0.0243924911861083, 0.0042691707543856, 0.0007078090245938, -0.0005971878934462, 0.0000441231009607,
  0.0000605910193224, -0.000019074829287, -0.000014920059452, -0.000002423984103,
];

export function erf(site: Site, x: Local): Value {
  // erf(4) rounds to 1.
  const a = site.let('a', f32x4.pmin(f32x4.abs(x), 4));
  const exponent = site.let('exponent', f32x4.neg(site.madd(site.polynomial(a, negativeLogErfc), a, a)));
  return withSign(expm1Core(site, exponent), x);
}

export function erf64(site: Site, x: Local): Value {
  const a = site.let('a', f64x2.pmin(f64x2.abs(x), 5.93));
  const square = site.let('square', f64x2.mul(a, a));
  const near = site.let('near', site.madd(site.polynomial(square, small, f64x2), a, a, f64x2));
  const t = site.let('t', f64x2.div(f64x2.sub(a, 3), f64x2.add(a, 3)));
  const gauss = ofEngine(site, 'exp', 'float64', [site.let('minusSquare', f64x2.neg(square))]);
  const far = f64x2.sub(1, f64x2.mul(gauss, site.polynomial(t, large, f64x2)));
  const size = v128.bitselect(near, far, f64x2.lt(a, 0.75));
  return v128.bitselect(size, x, i64x2.const(0x7fffffffffffffffn));
}
