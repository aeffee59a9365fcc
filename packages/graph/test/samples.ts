/** Leaves and values of tests, short to write. */
import type { DType, HostArray } from '@torchlet/device';
import { evaluateReference, hostSource, leaf, type Node } from '../src/index.js';

const arrays: Readonly<Partial<Record<DType, (data: readonly number[]) => HostArray>>> = {
  float64: (data) => Float64Array.from(data),
  float32: (data) => Float32Array.from(data),
  int64: (data) => BigInt64Array.from(data, BigInt),
  int32: (data) => Int32Array.from(data),
  int16: (data) => Int16Array.from(data),
  int8: (data) => Int8Array.from(data),
  uint8: (data) => Uint8Array.from(data),
  bool: (data) => Uint8Array.from(data),
};

export function host(
  data: readonly number[],
  shape: readonly number[] = [data.length],
  dtype: DType = 'float64',
): Node {
  const array = arrays[dtype];
  if (array === undefined) throw new Error(`no sample array of ${dtype}`);
  return leaf(hostSource(array(data)), shape, dtype);
}

export function valueOf(node: Node): number[] {
  const [value] = evaluateReference([node]);
  if (value === undefined) throw new Error('no value');
  return value.data;
}

export function counting(shape: readonly number[], dtype: DType = 'float64'): Node {
  const size = shape.reduce((a, b) => a * b, 1);
  return host(
    Array.from({ length: size }, (_, i) => i),
    shape,
    dtype,
  );
}
