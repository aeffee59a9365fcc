/** Leaves and values of tests, short to write. */
import { evaluateReference, hostSource, leaf, type Node, type Shape, sizeOf } from '@torchlet/graph';

/** A float64 leaf that requires a gradient. Its array may be written to: the reference evaluator reads it anew. */
export function parameter(data: readonly number[], shape: Shape = [data.length]): Node {
  const node = constantLeaf(data, shape);
  node.requiresGrad = true;
  return node;
}

export function constantLeaf(data: readonly number[], shape: Shape = [data.length]): Node {
  return leaf(hostSource(Float64Array.from(data)), shape, 'float64');
}

export function indices(data: readonly number[], shape: Shape = [data.length]): Node {
  return leaf(hostSource(Int32Array.from(data)), shape, 'int32');
}

export function dataOf(node: Node): Float64Array {
  const data = node.source?.data;
  if (!(data instanceof Float64Array)) throw new TypeError('expected a leaf of float64 host data');
  return data;
}

export function valueOf(node: Node | null | undefined): number[] {
  if (node === null || node === undefined) throw new TypeError('expected a node, got none');
  const [value] = evaluateReference([node]);
  return value?.data ?? [];
}

/** Numbers that look random and are the same in every run, none near 0 and no two equal. */
export function spreadNumbers(shape: Shape, seed: number): number[] {
  return Array.from({ length: sizeOf(shape) }, (_, i) => {
    const turn = (((i + 1) * 0.754877666 + seed * 0.569840291) % 1) - 0.5;
    return 2.4 * turn + Math.sign(turn) * 0.15;
  });
}
