/**
 * Differentiation of functions: Jacobians, Hessians, products with them, and functions with a derivative of their own
 * (https://pytorch.org/docs/stable/autograd.html). Owns what is built on `grad`.
 */
import type { GradientFunction } from '@torchlet/autograd';
import { attach, isGradEnabled, marker, type Node, printShape, ShapeError, withGradMode } from '@torchlet/graph';
import { grad, noGrad, recordOperation, stack } from '../functions.js';
import { zeros, zerosLike } from '../factories.js';
import { composed } from '../modules.js';
import { Tensor } from '../tensor.js';

/** A function with a derivative that is written by hand. */
export interface CustomFunction<Inputs extends readonly Tensor[]> {
  /** The value; what it records has no gradient. */
  forward(...inputs: Inputs): Tensor;
  /** From the gradient of the value and the inputs, a gradient for each input: of its shape and dtype, or null for none. */
  backward(grad: Tensor, ...inputs: Inputs): Tensor | readonly (Tensor | null)[];
}

/**
 * A differentiable function of tensors with the derivative given, as torch.autograd.Function. What `backward` records can be differentiated again.
 *
 * @example
 * // Rounds, and lets gradients pass as if it did not.
 * const roundThrough = customFunction({ forward: (x) => x.round(), backward: (grad) => grad });
 */
export function customFunction<Inputs extends readonly Tensor[]>({
  forward,
  backward,
}: CustomFunction<Inputs>): (...inputs: Inputs) => Tensor {
  return (...inputs) => {
    const value = composed(() => noGrad(() => forward(...inputs)));
    return recordOperation(inputs, (...given) => {
      const nodes = given as Node[];
      if (!isGradEnabled() || nodes.every(({ requiresGrad }) => !requiresGrad)) return value.node;
      const gradients: GradientFunction = (gradient, sources) => {
        const wrap = (node: Node): Tensor => new Tensor(node, value.runtime);
        const parts = composed(() => [backward(wrap(gradient), ...(sources.map(wrap) as unknown as Inputs))].flat());
        return parts.map((part) => (part === null ? null : (part as Tensor).node));
      };
      return attach(
        withGradMode(false, () => marker('detach', value.node)),
        nodes,
        gradients,
      );
    });
  };
}

type TensorFunction = (...inputs: Tensor[]) => Tensor;

/** Tensors with the inputs' values that gradients are asked of, cut off from what computed them. */
function leavesFor(inputs: readonly Tensor[]): Tensor[] {
  return inputs.map((x) => {
    const node = withGradMode(false, () => marker('detach', x.node));
    node.requiresGrad = true;
    return new Tensor(node, x.runtime);
  });
}

/** The derivative of every element of `output` by every element of each leaf: [...output, ...leaf]. */
function rows(output: Tensor, leaves: readonly Tensor[], createGraph: boolean): Tensor[] {
  const flat = output.reshape(-1);
  const count = flat.numel();
  const parts = Array.from({ length: count }, (_, i) =>
    flat.requiresGrad
      ? grad(flat.select(0, i), leaves, { retainGraph: true, createGraph, allowUnused: true })
      : leaves.map(() => null),
  );
  return leaves.map((leaf, j) => {
    const shape = [...output.shape, ...leaf.shape];
    if (count === 0) return zeros(shape, { dtype: leaf.dtype });
    return stack(parts.map((part) => part[j] ?? zerosLike(leaf))).reshape(shape);
  });
}

export interface JacobianOptions {
  /** Whether the result can be differentiated in its turn. Default false. */
  readonly createGraph?: boolean;
}

/**
 * The derivative of every element of fn(inputs) by every element of each input: of shape [...output, ...input], one for each in a list.
 *
 * @example jacobian((x) => x.exp(), x) // diagonal
 */
export function jacobian(fn: TensorFunction, inputs: Tensor, options?: JacobianOptions): Tensor;
export function jacobian(fn: TensorFunction, inputs: readonly Tensor[], options?: JacobianOptions): Tensor[];
export function jacobian(
  fn: TensorFunction,
  inputs: Tensor | readonly Tensor[],
  { createGraph = false }: JacobianOptions = {},
): Tensor | Tensor[] {
  const list = [inputs].flat() as Tensor[];
  const leaves = createGraph ? list : leavesFor(list);
  const result = rows(fn(...leaves), leaves, createGraph);
  return inputs instanceof Tensor ? (result[0] as Tensor) : result;
}

/**
 * The second derivatives of fn, which gives one element: by input i and then input j, of shape [...input i, ...input j], in a list of lists.
 *
 * @throws ShapeError where fn gives more than one element.
 */
export function hessian(fn: TensorFunction, inputs: Tensor): Tensor;
export function hessian(fn: TensorFunction, inputs: readonly Tensor[]): Tensor[][];
export function hessian(fn: TensorFunction, inputs: Tensor | readonly Tensor[]): Tensor | Tensor[][] {
  const leaves = leavesFor([inputs].flat() as Tensor[]);
  const output = fn(...leaves);
  if (output.numel() !== 1) {
    throw new ShapeError(`hessian: expected a function that gives one element, got shape ${printShape(output.shape)}`);
  }
  const first = grad(output, leaves, { createGraph: true, allowUnused: true });
  const result = leaves.map((leaf, i) => rows(first[i] ?? zerosLike(leaf), leaves, false));
  return inputs instanceof Tensor ? (result[0]?.[0] as Tensor) : result;
}

/** fn(inputs), and `v` (of its shape) times the Jacobian: one for each input. */
export function vjp(fn: TensorFunction, inputs: readonly Tensor[], v?: Tensor): [Tensor, Tensor[]] {
  const leaves = leavesFor(inputs);
  const output = fn(...leaves);
  const products = grad(output, leaves, { gradOutputs: [v ?? null], allowUnused: true });
  return [output.detach(), products.map((product, i) => product ?? zerosLike(leaves[i] as Tensor))];
}

/** fn(inputs), and the Jacobian times `tangents`, one of each input's shape: how the output moves with them. */
export function jvp(fn: TensorFunction, inputs: readonly Tensor[], tangents: readonly Tensor[]): [Tensor, Tensor] {
  const leaves = leavesFor(inputs);
  const output = fn(...leaves);
  // v^T J is linear in v, and its derivative by v, along the tangents, is J times them.
  const [weights] = leavesFor([zerosLike(output)]) as [Tensor];
  const products = grad(output, leaves, { gradOutputs: [weights], createGraph: true, allowUnused: true });
  const used = products.flatMap((product, i) =>
    product?.requiresGrad ? [{ product, tangent: tangents[i] as Tensor }] : [],
  );
  if (used.length === 0) return [output.detach(), zerosLike(output)];
  const [moved] = grad(
    used.map(({ product }) => product),
    weights,
    { gradOutputs: used.map(({ tangent }) => tangent), allowUnused: true },
  );
  return [output.detach(), moved ?? zerosLike(output)];
}
