/**
 * An array on the host with its dtype and shape: what file formats read and write, and what image transforms change. Owns that
 * one record and its checks; knows no device and records nothing (`tensorFrom` in `collate.ts` makes a Tensor of it). Read
 * `safetensors.ts` or `transforms.ts` next.
 */

import { type DType, dtypes, type HostArray } from '@torchlet/tensor';

/** Flat values in row-major order. float16 and bfloat16 hold their bits in a Uint16Array, bool holds 0 or 1 in a Uint8Array. */
export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: HostArray;
}

/** How many elements a shape has; 1 for the empty shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1);
}

/**
 * A host tensor over `data`, which it does not copy.
 *
 * @throws RangeError if `data` has not as many elements as `shape`; TypeError if it is not the dtype's kind of array.
 */
export function hostTensor(data: HostArray, shape: readonly number[], dtype: DType): HostTensor {
  const expected = dtypes[dtype].zeros(0).constructor.name;
  if (data.constructor.name !== expected) {
    throw new TypeError(`hostTensor: ${dtype} is held in a ${expected}, got a ${data.constructor.name}`);
  }
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`hostTensor: shape [${shape.join(', ')}] has ${sizeOf(shape)} elements, got ${data.length}`);
  }
  return { dtype, shape: [...shape], data };
}

/** Bytes in file order (little-endian) of the values; shares memory with them where the machine's order is the same. */
export function littleEndianBytes(array: HostArray): Uint8Array {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (isLittleEndian) {
    return bytes;
  }
  return swapBytes(new Uint8Array(bytes), array.BYTES_PER_ELEMENT);
}

/** Fresh, aligned values of `dtype` from `bytes`, which hold them in the given byte order. */
export function valuesFromBytes(bytes: Uint8Array, dtype: DType, order: 'little' | 'big'): HostArray {
  const width = dtypes[dtype].bytes;
  // Not slice(): of a Node Buffer it is a view.
  const copy = new Uint8Array(bytes);
  if ((order === 'little') !== isLittleEndian) {
    swapBytes(copy, width);
  }
  return dtypes[dtype].array(copy.buffer, 0, copy.byteLength / width);
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function swapBytes(bytes: Uint8Array, width: number): Uint8Array {
  if (width === 1) {
    return bytes;
  }
  for (let start = 0; start < bytes.length; start += width) {
    bytes.subarray(start, start + width).reverse();
  }
  return bytes;
}
