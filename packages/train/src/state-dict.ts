/**
 * Named tensors, such as a model's state dict, as the bytes of a safetensors file and back. Owns that conversion; the format is
 * `@torchlet/data`'s, files are `safetensors-file.node.ts`.
 */

import { type HostTensor, parseSafetensors, tensorFrom, writeSafetensors } from '@torchlet/data';
import { type HostArray, numberToBfloat16, numberToFloat16 } from '@torchlet/device';
import type { StateDict } from '@torchlet/nn';
import type { Tensor } from '@torchlet/tensor';

export interface NamedTensors {
  /** By name, in the file's order. */
  readonly tensors: StateDict;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads the tensors from their device and puts them into the bytes of a safetensors file, which PyTorch can read.
 *
 * @param metadata further text kept in the file.
 * @throws RangeError for the reserved name `__metadata__`.
 * @example
 * const bytes = await toSafetensors(model.stateDict());
 */
export async function toSafetensors(
  tensors: Readonly<StateDict>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  const read: [string, HostTensor][] = [];
  for (const [name, tensor] of Object.entries(tensors)) {
    const { dtype, shape } = tensor;
    read.push([name, { dtype, shape, data: await storedValues(tensor) }]);
  }
  return writeSafetensors(read, metadata);
}

/**
 * The tensors in the bytes of a safetensors file, as host data.
 *
 * @param name what to call the file in an error.
 * @throws FormatError with the reason if any part of the file is not as the format says; then no tensor is given.
 * @example
 * model.loadStateDict(fromSafetensors(bytes).tensors);
 */
export function fromSafetensors(bytes: Uint8Array, name?: string): NamedTensors {
  const { tensors, metadata } = parseSafetensors(bytes, name);
  return { tensors: Object.fromEntries([...tensors].map(([key, tensor]) => [key, tensorFrom(tensor)])), metadata };
}

/** The values as their dtype is stored: reading gives halves as float32, which holds each of them exactly. */
async function storedValues(tensor: Tensor): Promise<HostArray> {
  const values = await tensor.data();
  switch (tensor.dtype) {
    case 'float16':
      return Uint16Array.from(values as Float32Array, numberToFloat16);
    case 'bfloat16':
      return Uint16Array.from(values as Float32Array, numberToBfloat16);
    default:
      return values;
  }
}
