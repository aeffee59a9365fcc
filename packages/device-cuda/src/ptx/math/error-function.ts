/**
 * erf. float32: 1 - e^(-L(x)) with a polynomial for L(x) / x = -log(erfc x) / x, so that small x needs no case of its own. float64: a polynomial in x^2 below 3/4,
 * and 1 - e^(-x^2) g(x) above, g a polynomial in (x - 3) / (x + 3). All are minimax fits made for this project; errors are below 3 units in the last place.
 */
import type { Operand } from '../register.js';
import { exp, expm1OfNegative } from './exponential.js';
import type { Real } from './real.js';

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

function ofFloat32(f: Real, x: Operand): Operand {
  // erf(4) rounds to 1.
  const a = f.between(f.abs(x), 0, 4);
  const exponent = f.neg(f.fma(f.polynomial(a, negativeLogErfc), a, a));
  return f.withSign(expm1OfNegative(f, exponent), x);
}

function ofFloat64(f: Real, x: Operand): Operand {
  const a = f.between(f.abs(x), 0, 5.93);
  const square = f.mul(a, a, 'square');
  const near = f.fma(f.polynomial(square, small), a, a, 'near');
  const t = f.div(f.sub(a, 3), f.add(a, 3), 't');
  const far = f.fma(f.neg(exp(f, f.neg(square))), f.polynomial(t, large), 1, 'far');
  return f.withSign(f.choose(f.is('lt', a, 0.75), near, far), x);
}

export function erf(f: Real, x: Operand): Operand {
  const value = f.kind === 'f32' ? ofFloat32(f, x) : ofFloat64(f, x);
  return f.choose(f.is('nan', x, x), x, value);
}
