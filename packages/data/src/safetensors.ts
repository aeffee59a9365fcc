/**
 * Safetensors files to host tensors and back, bytes in and bytes out. Owns copying the values in and out; the header and its checks
 * are `safetensors-header.ts`, files and Tensors are `@torchlet/train`'s checkpoints.
 *
 * Source: huggingface/safetensors, README.md, "Format".
 */

import { dtypes } from '@torchlet/tensor';
import { FormatError } from './format-error.js';
import { type HostTensor, hostTensor, littleEndianBytes, valuesFromBytes } from './host-tensor.js';
import { parseSafetensorsHeader, writeSafetensorsHeader } from './safetensors-header.js';

/** What a safetensors file holds. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * All tensors of a safetensors file, each in fresh memory, in the order of the header.
 *
 * @param name what to call the file in an error, such as its path.
 * @throws FormatError with the reason if any part of the file is not as the format says; then no tensor is given.
 * @example
 * const { tensors, metadata } = parseSafetensors(bytes);
 * tensors.get('linear1.weight'); // { dtype: 'float32', shape: [32, 784], data: Float32Array }
 */
export function parseSafetensors(bytes: Uint8Array, name = 'safetensors file'): Safetensors {
  const { entries, metadata, dataStart } = parseSafetensorsHeader(bytes, bytes.length, name);
  const tensors = new Map<string, HostTensor>();
  for (const { name: key, dtype, shape, begin, end } of entries) {
    const data = valuesFromBytes(bytes.subarray(dataStart + begin, dataStart + end), dtype, 'little');
    if (dtype === 'bool' && (data as Uint8Array).some((value) => value > 1)) {
      throw new FormatError(`${name}: corrupt: ${JSON.stringify(key)} is BOOL but has bytes other than 0 and 1`);
    }
    tensors.set(key, { dtype, shape, data });
  }
  return { tensors, metadata };
}

/**
 * The bytes of a safetensors file with these tensors. Wider elements lie first, and otherwise they keep their order, so every
 * tensor is aligned and equal inputs give equal bytes.
 *
 * @throws TypeError or RangeError if a tensor's values do not fit its dtype and shape; RangeError if a name is
 *   given twice or is the reserved `__metadata__`.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: HostTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const sorted = [...tensors]
    .map(([name, { data, shape, dtype }]) => ({ name, ...hostTensor(data, shape, dtype) }))
    .sort((a, b) => dtypes[b.dtype].bytes - dtypes[a.dtype].bytes);
  const names = new Set<string>(['__metadata__']);
  let end = 0;
  const placed = sorted.map((tensor) => {
    if (names.has(tensor.name)) {
      throw new RangeError(`writeSafetensors: ${JSON.stringify(tensor.name)} is reserved or given twice; rename one`);
    }
    names.add(tensor.name);
    const begin = end;
    end += tensor.data.byteLength;
    return { ...tensor, begin, end };
  });
  const header = writeSafetensorsHeader(placed, metadata);
  const bytes = new Uint8Array(header.length + end);
  bytes.set(header);
  for (const { data, begin } of placed) {
    bytes.set(littleEndianBytes(data), header.length + begin);
  }
  return bytes;
}
