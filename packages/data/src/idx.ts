/**
 * The IDX format, in which MNIST was published: two zero bytes, a type code, the number of dimensions, their lengths as
 * big-endian int32, then the values, big-endian. Owns reading the bytes; not finding files, gzip or what the values mean.
 * Read `image-dataset.ts` next.
 *
 * Source: "The IDX file format", at the foot of LeCun's page on MNIST.
 */

import { type DType, dtypes } from '@torchlet/tensor';
import { FormatError } from './format-error.js';
import { type HostTensor, sizeOf, valuesFromBytes } from './host-tensor.js';

const idxDTypes: Readonly<Record<number, DType>> = {
  8: 'uint8',
  9: 'int8',
  11: 'int16',
  12: 'int32',
  13: 'float32',
  14: 'float64',
};

/**
 * The array in an IDX file, in fresh memory.
 *
 * @param bytes the whole file, unpacked.
 * @param name what to call it in an error, such as its path.
 * @throws FormatError if it is not IDX, is truncated, or goes on after its last value.
 */
export function parseIdx(bytes: Uint8Array, name = 'IDX file'): HostTensor {
  if (bytes.length < 4) {
    throw new FormatError(`${name}: truncated: an IDX file has at least 4 bytes, got ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== 0) {
    throw new FormatError(`${name}: not an IDX file: expected two zero bytes first, got ${describeStart(bytes)}`);
  }
  const dtype = idxDTypes[view.getUint8(2)];
  if (dtype === undefined) {
    throw new FormatError(
      `${name}: not an IDX file: the type code must be one of ${Object.keys(idxDTypes).join(', ')}, got ${view.getUint8(2)}`,
    );
  }
  const ndim = view.getUint8(3);
  const start = 4 + 4 * ndim;
  if (bytes.length < start) {
    throw new FormatError(`${name}: truncated: ${ndim} dimensions need ${start} bytes of header, got ${bytes.length}`);
  }
  const shape = Array.from({ length: ndim }, (_, axis) => view.getUint32(4 + 4 * axis));
  const expected = start + sizeOf(shape) * dtypes[dtype].bytes;
  if (bytes.length < expected) {
    throw new FormatError(
      `${name}: truncated: ${dtype} [${shape.join(', ')}] needs ${expected} bytes, got ${bytes.length}`,
    );
  }
  if (bytes.length > expected) {
    throw new FormatError(
      `${name}: corrupt: ${dtype} [${shape.join(', ')}] ends at byte ${expected}, the file has ${bytes.length}`,
    );
  }
  return { dtype, shape, data: valuesFromBytes(bytes.subarray(start), dtype, 'big') };
}

function describeStart(bytes: Uint8Array): string {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    return 'a gzip file (unpack it first)';
  }
  if (bytes[0] === 0x3c) {
    return 'what looks like a web page';
  }
  return `${bytes[0]} and ${bytes[1]}`;
}
