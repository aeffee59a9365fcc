/** Norms of vectors, with the gradients that PyTorch gives at 0: the formula's own is NaN there. */
import { xor, cast, div, eq, expand, mul, type Node, reduce, unary, where } from '@torchlet/graph';
import { abs, pow, sign } from './arithmetic.js';
import { wide } from './autocasting.js';
import { axesOf, type Dims, squeezeAxes, toFloat } from './operands.js';
import { inTermsOfResult } from './piecewise.js';
import { amax, amin } from './reduction.js';

/** (sum |x|^p)^(1/p) over `dims`. */
export function norm(op: string, x: Node, p: number, dims: Dims, keepdim: boolean): Node {
  const f = toFloat(wide(x));
  const axes = axesOf(op, dims, f.shape.length);
  if (p === Infinity) return amax(abs(f), axes, { keepdim });
  if (p === -Infinity) return amin(abs(f), axes, { keepdim });
  const whole = overAxes(f, p, axes);
  return keepdim ? whole : squeezeAxes(whole, axes);
}

function overAxes(x: Node, p: number, axes: readonly number[]): Node {
  if (p === 0) return reduce('reduceSum', cast(xor(eq(x, 0), 1), x.dtype), axes);
  if (p === 1) return reduce('reduceSum', abs(x), axes);
  if (p === 2) {
    const value = unary('sqrt', reduce('reduceSum', mul(x, x), axes));
    return inTermsOfResult(x, value, (grad, result) => {
      const zero = eq(result, 0);
      const share = where(zero, 0, div(grad, where(zero, 1, result)));
      return mul(x, expand(share, x.shape));
    });
  }
  const value = pow(reduce('reduceSum', pow(abs(x), p), axes), 1 / p);
  return inTermsOfResult(x, value, (grad, result) => {
    // x |x|^(p-2) / norm^(p-1), which is 0 where the norm is.
    const zero = eq(result, 0);
    const scale = where(zero, 0, div(grad, pow(where(zero, 1, result), p - 1)));
    const magnitude = abs(x);
    const flat = eq(magnitude, 0);
    const slope = where(flat, 0, pow(where(flat, 1, magnitude), p - 1));
    return mul(mul(sign(x), slope), expand(scale, x.shape));
  });
}
