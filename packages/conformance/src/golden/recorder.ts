/**
 * What a running case shows: tensors by the names of the checks, read to the host once the case has recorded all it has. Owns the reading order:
 * everything is recorded first and read afterwards, so that outputs and gradients come from one evaluation, as in a training loop.
 */
import type { HostTensor } from '@torchlet/data';
import type { Tensor } from '@torchlet/tensor';
import { hostOf } from './arguments.js';

export class Recorder {
  readonly #recorded = new Map<string, Tensor | HostTensor | null>();
  readonly #values = new Map<string, unknown>();

  /** A tensor of the case, one that was read before, or null where there is none. */
  tensor(what: string, value: Tensor | HostTensor | null): void {
    this.#recorded.set(what, value);
  }

  outputs(tensors: readonly (Tensor | HostTensor)[]): void {
    this.value('number of outputs', tensors.length);
    for (const [i, value] of tensors.entries()) this.tensor(`output ${i}`, value);
  }

  value(what: string, value: unknown): void {
    this.#values.set(what, value);
  }

  get values(): ReadonlyMap<string, unknown> {
    return this.#values;
  }

  /** Reads everything. Called a second time with `copied`, it reads copies that the device makes by a kernel of its own. */
  async read({ copied }: { readonly copied: boolean }): Promise<Map<string, HostTensor | null>> {
    const read = new Map<string, HostTensor | null>();
    for (const [what, value] of this.#recorded) {
      if (value === null || !isTensor(value)) read.set(what, value);
      else read.set(what, await hostOf(copied ? value.clone() : value));
    }
    return read;
  }
}

function isTensor(value: Tensor | HostTensor): value is Tensor {
  return !ArrayBuffer.isView(value.data);
}
