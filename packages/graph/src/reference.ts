/**
 * The reference evaluator: a graph's value by the table of meanings alone, one primitive at a time, on the host. The judge of compilers and
 * devices, and itself neither. Owns reading leaves and, if asked, rounding; what primitives mean is in `meaning.ts`.
 */
import {
  bfloat16ToNumber,
  type DType,
  float16ToNumber,
  type HostArray,
  numberToBfloat16,
  numberToFloat16,
} from '@torchlet/device';
import { type Elements, meanings } from './meaning.js';
import { type Node, reachable, type Source } from './node.js';
import type { Element } from './exact-meaning.js';
import { printShape, type Shape, sizeOf } from './shape.js';

export interface ReferenceOptions {
  /** Rounds every value to its dtype, as a device that keeps each in memory would; else floats of all dtypes are float64. */
  readonly round?: boolean;
  /** The elements of a source that is stored on a device. */
  readonly read?: (source: Source) => HostArray;
}

export interface ReferenceValue {
  readonly shape: Shape;
  readonly dtype: DType;
  /** Row-major. */
  readonly data: number[];
  /** The exact elements of an int64; null for other dtypes. */
  readonly bigints: bigint[] | null;
}

/**
 * The values of `outputs`. A node whose value exists already is read, not computed.
 *
 * @throws Error if a leaf has no source, or a stored one and `read` is not given.
 */
export function evaluateReference(outputs: readonly Node[], options: ReferenceOptions = {}): ReferenceValue[] {
  const values = new Map<Node, Elements>();
  for (const node of reachable(outputs)) {
    const value = node.source === null ? computed(node, values) : readSource(node, node.source, options);
    values.set(node, options.round === true ? value.map((x) => rounded(x, node.dtype)) : value);
  }
  return outputs.map((node) => {
    const value = values.get(node) as Elements;
    const bigints = node.dtype === 'int64' ? value.map(BigInt) : null;
    return { shape: node.shape, dtype: node.dtype, data: value.map(Number), bigints };
  });
}

function computed(node: Node, values: ReadonlyMap<Node, Elements>): Elements {
  if (node.op === 'buffer') throw new Error(`reference: ${node.op} ${printShape(node.shape)} has no source to read`);
  return meanings[node.op](
    node,
    node.inputs.map((input) => values.get(input) as Elements),
  );
}

function readSource(node: Node, source: Source, options: ReferenceOptions): Elements {
  const array = source.data ?? options.read?.(source);
  if (array === undefined) {
    throw new Error(
      `reference: ${node.op} ${printShape(node.shape)} is stored on a device; pass { read } to have it read`,
    );
  }
  if (array.length < sizeOf(node.shape)) {
    throw new RangeError(
      `reference: expected ${sizeOf(node.shape)} elements for ${printShape(node.shape)}, got ${array.length}`,
    );
  }
  return Array.from(array.subarray(0, sizeOf(node.shape)) as ArrayLike<Element>, decoder(node.dtype));
}

function decoder(dtype: DType): (stored: Element) => Element {
  if (dtype === 'float16') return (bits) => float16ToNumber(Number(bits));
  if (dtype === 'bfloat16') return (bits) => bfloat16ToNumber(Number(bits));
  return (x) => x;
}

function rounded(x: Element, dtype: DType): Element {
  if (dtype === 'float32') return Math.fround(Number(x));
  if (dtype === 'float16') return float16ToNumber(numberToFloat16(Number(x)));
  if (dtype === 'bfloat16') return bfloat16ToNumber(numberToBfloat16(Number(x)));
  return x;
}
