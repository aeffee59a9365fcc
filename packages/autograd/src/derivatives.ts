/**
 * The derivative table: for each differentiable primitive, from the gradient of its result to the gradients of its inputs, as graph. Owns the
 * formulas; not the walk that applies them (`gradients.ts`) and not the longer adjoints (`strided.ts`, `product.ts`). Rules are made of
 * differentiable primitives only, so derivatives of any order follow. Ties, zeros and NaN go as in PyTorch's `derivatives.yaml`.
 */
import { isFloat } from '@torchlet/device';
import {
  sub,
  and,
  add,
  cast,
  div,
  eq,
  expand,
  flip,
  fullLike,
  gather,
  lt,
  matmul,
  mul,
  type Node,
  neg,
  type Primitive,
  permute,
  type primitives,
  reduce,
  reshape,
  scatterAdd,
  shrink,
  unary,
  where,
} from '@torchlet/graph';
import { attached } from './attach.js';
import { inverse } from './order.js';
import { power } from './power.js';
import { productOfOthers } from './product.js';
import { assignAdjoint, padAdjoint, shrinkAdjoint, windowAdjoint } from './strided.js';

/**
 * Gradients of the inputs, in their order, from `grad`, which has the shape and dtype of `node`. Null where no gradient flows; what `wants`
 * says no to is not used and should be null.
 */
export type DerivativeRule = (node: Node, grad: Node, wants: readonly boolean[]) => readonly (Node | null)[];

export type DifferentiablePrimitive = {
  [Name in Primitive]: (typeof primitives)[Name]['differentiable'] extends true ? Name : never;
}[Primitive];

const toInput: DerivativeRule = (_, grad) => [grad];

export const derivatives: { readonly [Name in DifferentiablePrimitive]: DerivativeRule } = {
  reshape: (node, grad) => [reshape(grad, input(node).shape)],
  permute: (node, grad) => [permute(grad, inverse(node.attrs))],
  expand: (node, grad) => [reduce('reduceSum', grad, stretched(node))],
  shrink: shrinkAdjoint,
  pad: padAdjoint,
  flip: (node, grad) => [flip(grad, node.attrs)],
  window: windowAdjoint,
  cat: (node, grad, wants) => {
    const axis = node.attrs[0] as number;
    const starts = grad.shape.map(() => 0);
    return node.inputs.map((part, i) => {
      const piece = wants[i] ? shrink(grad, starts, part.shape) : null;
      starts[axis] = (starts[axis] as number) + (part.shape[axis] as number);
      return piece;
    });
  },

  neg: (_, grad) => [neg(grad)],
  sqrt: (node, grad) => [div(grad, add(node, node))],
  exp: (node, grad) => [mul(grad, node)],
  expm1: (node, grad) => [mul(grad, add(node, 1))],
  log: (node, grad) => [div(grad, input(node))],
  log1p: (node, grad) => [div(grad, add(input(node), 1))],
  sin: (node, grad) => [mul(grad, unary('cos', input(node)))],
  cos: (node, grad) => [neg(mul(grad, unary('sin', input(node))))],
  atan: (node, grad) => {
    const x = input(node);
    return [div(grad, add(mul(x, x), 1))];
  },
  tanh: (node, grad) => [mul(grad, sub(1, mul(node, node)))],
  erf: (node, grad) => {
    const x = input(node);
    const slope = mul(2 / Math.sqrt(Math.PI), unary('exp', neg(mul(x, x))));
    return [mul(grad, slope)];
  },
  floor: (node) => [fullLike(node, 0)],
  cast: (node, grad) => [isFloat(input(node).dtype) ? cast(grad, input(node).dtype) : null],

  add: (_, grad) => [grad, grad],
  mul: (node, grad, wants) => [
    wants[0] ? mul(grad, input(node, 1)) : null,
    wants[1] ? mul(grad, input(node, 0)) : null,
  ],
  div: (node, grad, wants) => {
    const ofX = div(grad, input(node, 1));
    return [ofX, wants[1] ? neg(mul(ofX, node)) : null];
  },
  // node = x - n y with a whole n, which is constant almost everywhere.
  mod: (node, grad, wants) => {
    const [x, y] = [input(node, 0), input(node, 1)];
    return [grad, wants[1] ? mul(grad, div(sub(node, x), y)) : null];
  },
  max: (node, grad, wants) => {
    const [x, y] = [input(node, 0), input(node, 1)];
    const zero = fullLike(grad, 0);
    const shared = where(eq(x, y), mul(grad, 0.5), grad);
    return [wants[0] ? where(lt(x, y), zero, shared) : null, wants[1] ? where(lt(y, x), zero, shared) : null];
  },
  pow: power,
  where: (node, grad, wants) => {
    const condition = input(node);
    const zero = fullLike(grad, 0);
    return [null, wants[1] ? where(condition, grad, zero) : null, wants[2] ? where(condition, zero, grad) : null];
  },

  reduceSum: (node, grad) => [expand(grad, input(node).shape)],
  reduceMax: (node, grad) => {
    const x = input(node);
    const largest = cast(eq(x, expand(node, x.shape)), x.dtype);
    const share = div(grad, reduce('reduceSum', largest, node.attrs));
    return [mul(largest, expand(share, x.shape))];
  },
  reduceProd: (node, grad) => {
    const x = input(node);
    return [mul(expand(grad, x.shape), productOfOthers(x, node.attrs))];
  },
  matmul: (node, grad, wants) => [
    wants[0] ? matmul(grad, transposed(input(node, 1))) : null,
    wants[1] ? matmul(transposed(input(node, 0)), grad) : null,
  ],

  /** An index outside, which reads the nearest element, is a mistake of the caller and gets no gradient. */
  gather: (node, grad) => [scatterAdd(fullLike(input(node), 0), input(node, 1), grad, node.attrs[0] as number), null],
  scatterAdd: (node, grad, wants) => {
    if (!wants[2]) return [grad, null, null];
    const axis = node.attrs[0] as number;
    const index = input(node, 1);
    const inside = and(lt(-1, index), lt(index, node.shape[axis] as number));
    const taken = gather(grad, index, axis);
    return [grad, null, where(inside, taken, 0)];
  },

  contiguous: toInput,
  copy: toInput,
  attach: attached,
  assign: assignAdjoint,
};

/** @throws RangeError where the node has no such input: it was cut. */
export function input(node: Node, position = 0): Node {
  const found = node.inputs[position];
  if (found === undefined)
    throw new RangeError(`${node.op}: expected an input ${position}, got ${node.inputs.length} inputs`);
  return found;
}

/** The axes along which an expand repeated its input. */
function stretched(node: Node): number[] {
  const from = input(node).shape;
  const axes: number[] = [];
  for (let axis = 0; axis < from.length; axis++) if (from[axis] !== node.shape[axis]) axes.push(axis);
  return axes;
}

/** The last two axes swapped. */
function transposed(x: Node): Node {
  const order = x.shape.map((_, axis) => axis);
  const last = order.length - 1;
  order[last] = last - 1;
  order[last - 1] = last;
  return permute(x, order);
}
