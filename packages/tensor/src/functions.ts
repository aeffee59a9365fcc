/** Operations as functions: those that PyTorch has beside the methods, and those of several tensors. */
import { differentiate } from '@torchlet/autograd';
import { type Node, printShape, ShapeError, withGradMode } from '@torchlet/graph';
import { commonRuntime, track } from './handle.js';
import { joinedOnHost } from './host-joined.js';
import type { RoundingMode } from './ops/arithmetic.js';
import { wide, withAutocast } from './ops/autocasting.js';
import * as comparison from './ops/comparison.js';
import * as functions from './ops/functions.js';
import { linear as linearNode } from './ops/matmul.js';
import * as movement from './ops/movement.js';
import type { PlainNumber } from './promotion.js';
import { scoped } from './scoped.js';
import { type Operand, Tensor } from './tensor.js';

/**
 * A tensor of an operation that is written on nodes: for op libraries beside this one.
 *
 * @param operands what the operation reads; they decide the device. @param build gets their nodes, numbers as they are.
 */
export function recordOperation(
  operands: readonly Operand[],
  build: (...nodes: (Node | PlainNumber)[]) => Node,
): Tensor {
  const runtime = commonRuntime(operands);
  const nodes = operands.map((operand) => (operand instanceof Tensor ? operand.node : operand));
  const result = new Tensor(build(...nodes), runtime);
  track(result);
  return result;
}

const on = (x: Tensor, build: (node: Node) => Node): Tensor => recordOperation([x], (node) => build(node as Node));

export const add = (x: Tensor, y: Operand, options?: { alpha?: number }): Tensor => x.add(y, options);
export const sub = (x: Tensor, y: Operand, options?: { alpha?: number }): Tensor => x.sub(y, options);
export const mul = (x: Tensor, y: Operand): Tensor => x.mul(y);
export const div = (x: Tensor, y: Operand, options?: { roundingMode?: RoundingMode | null }): Tensor =>
  x.div(y, options);
export const matmul = (x: Tensor, y: Tensor): Tensor => x.matmul(y);
export const exp = (x: Tensor): Tensor => x.exp();
export const log = (x: Tensor): Tensor => x.log();
export const sum = (x: Tensor, ...args: Parameters<Tensor['sum']>): Tensor => x.sum(...args);
export const mean = (x: Tensor, ...args: Parameters<Tensor['mean']>): Tensor => x.mean(...args);
export const argmax = (x: Tensor, ...args: Parameters<Tensor['argmax']>): Tensor => x.argmax(...args);
export const softmax = (x: Tensor, dim: number): Tensor => x.softmax(dim);
export const logSoftmax = (x: Tensor, dim: number): Tensor => x.logSoftmax(dim);
export const relu = (x: Tensor): Tensor => x.relu();
export const sigmoid = (x: Tensor): Tensor => x.sigmoid();
export const tanh = (x: Tensor): Tensor => x.tanh();

/** Gaussian error linear unit (https://arxiv.org/abs/1606.08415), exact or by tanh. */
export const gelu = (x: Tensor, { approximate = 'none' }: { approximate?: 'none' | 'tanh' } = {}): Tensor =>
  on(x, (node) => functions.gelu(node, approximate));

/** x * sigmoid(x). */
export const silu = (x: Tensor): Tensor => on(x, functions.silu);

/** log(1 + e^(beta x)) / beta, x itself where beta x is above the threshold. */
export const softplus = (x: Tensor, { beta = 1, threshold = 20 }: { beta?: number; threshold?: number } = {}): Tensor =>
  on(x, (node) => functions.softplus(wide(node), beta, threshold));

/** x above 0, x times the slope (by default 0.01) below. */
export const leakyRelu = (x: Tensor, slope: number | { readonly negativeSlope?: number } = {}): Tensor =>
  on(x, (node) => functions.leakyRelu(node, typeof slope === 'number' ? slope : (slope.negativeSlope ?? 0.01)));

/** x above 0, alpha * (e^x - 1) below; alpha is 1 by default. */
export const elu = (x: Tensor, alpha: number | { readonly alpha?: number } = {}): Tensor =>
  on(x, (node) => functions.elu(node, typeof alpha === 'number' ? alpha : (alpha.alpha ?? 1)));

export const logSigmoid = (x: Tensor): Tensor => on(x, functions.logSigmoid);

/** x @ weight^T + bias, with a weight of [out, in]. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  return recordOperation(bias === null ? [x, weight] : [x, weight, bias], (a, w, b) =>
    linearNode(a as Node, w as Node, (b as Node | undefined) ?? null),
  );
}

/** x where the condition holds, else y. */
export function where(condition: Tensor, x: Operand, y: Operand): Tensor {
  return recordOperation([condition, x, y], (c, a, b) =>
    comparison.where(c as Node, a as Node | PlainNumber, b as Node | PlainNumber),
  );
}

/** The tensors joined along an existing dim. */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  return recordOperation(tensors, (...given) => {
    const nodes = given as Node[];
    return joinedOnHost('cat', nodes, dim) ?? movement.cat(nodes, dim);
  });
}

/** The tensors joined along a new dim. */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  return recordOperation(tensors, (...given) => {
    const nodes = given as Node[];
    return joinedOnHost('stack', nodes, dim) ?? movement.stack(nodes, dim);
  });
}

/**
 * Padding from the last dim backwards, (before, after) for each; negative counts cut. Filled with `value`, or by another `mode` with what is there
 * (torch.nn.functional.pad).
 *
 * @throws ShapeError where a mode has too little to fill with.
 */
export function pad(
  x: Tensor,
  counts: readonly number[],
  { value = 0, mode = 'constant' }: { value?: number; mode?: movement.PadMode } = {},
): Tensor {
  return on(x, (node) => movement.pad(node, counts, value, mode));
}

/** Runs the synchronous `fn` without recording gradients. @throws TypeError for an async function. */
export function noGrad<T>(fn: () => T): T {
  return scoped('noGrad', () => withGradMode(false, fn));
}

/** Runs the synchronous `fn` with gradients recorded, also inside `noGrad`. @throws TypeError for an async function. */
export function enableGrad<T>(fn: () => T): T {
  return scoped('enableGrad', () => withGradMode(true, fn));
}

export interface GradOptions {
  readonly gradOutputs?: readonly (Tensor | null)[] | undefined;
  readonly retainGraph?: boolean | undefined;
  readonly createGraph?: boolean | undefined;
  readonly allowUnused?: boolean | undefined;
}

/**
 * The gradients of `outputs` (summed with the weights `gradOutputs`) for each of `inputs`; `.grad` is not touched (torch.autograd.grad).
 *
 * @throws Error where an input was not used, unless `allowUnused`, which gives null for it.
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  { gradOutputs, createGraph = false, retainGraph = createGraph, allowUnused = false }: GradOptions = {},
): (Tensor | null)[] {
  const roots = [outputs].flat() as Tensor[];
  const leaves = [inputs].flat() as Tensor[];
  const totals: (Tensor | null)[] = leaves.map(() => null);
  roots.forEach((root, i) => {
    const seed = gradOutputs?.[i] ?? undefined;
    if (seed === undefined && root.numel() !== 1) {
      throw new ShapeError(
        `grad: a gradient is implicit only for one element, got shape ${printShape(root.shape)}; pass gradOutputs`,
      );
    }
    const nodes = leaves.map((leaf) => leaf.node);
    const { gradients, walked } = withAutocast(null, () =>
      differentiate(root.node, nodes, { seed: seed?.node, createGraph }),
    );
    for (const node of walked) node.walked = retainGraph || i < roots.length - 1 ? 'retained' : 'freed';
    gradients.forEach((node, j) => {
      if (node === null) return;
      const part = recordOperation([root], () => node);
      const before = totals[j] ?? null;
      totals[j] = before === null ? part : withGradMode(createGraph, () => before.add(part));
    });
  });
  const unused = totals.indexOf(null);
  if (unused >= 0 && !allowUnused) {
    throw new Error(
      `grad: input ${unused} was not used to compute the outputs; pass { allowUnused: true } to get null for it`,
    );
  }
  return totals;
}

/** Evaluates what is pending and these tensors, without reading them. Resolves once the work is submitted. */
export function evaluate(...tensors: readonly Tensor[]): Promise<void> {
  return Promise.all(tensors.map((tensor) => tensor.evaluated())).then(() => undefined);
}
