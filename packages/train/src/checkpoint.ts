/**
 * Checkpoints: whatever training needs to go on, as bytes. Owns how a structure of tensors and plain values becomes a safetensors file (the tensors by their
 * paths, the rest as JSON in its metadata) and back; files are `checkpoint-file.node.ts`.
 */
import { Tensor } from '@torchlet/tensor';
import { fromSafetensors, toSafetensors } from './state-dict.js';

/** Where the structure stands among the metadata. */
const key = 'torchlet.checkpoint';

/** Stand-ins in the JSON for what it cannot say. */
type Reference = { readonly $tensor: string } | { readonly $number: string };

/**
 * A structure of plain objects and arrays as the bytes of a safetensors file: tensors, numbers, strings, booleans and null, at any depth. Of a parameter
 * its value is kept.
 *
 * @throws TypeError for anything else in it, with its path.
 * @example
 * const bytes = await toCheckpoint({ model: model.stateDict(), optimizer: optimizer.stateDict(), epoch });
 */
export async function toCheckpoint(state: object): Promise<Uint8Array> {
  const tensors: Record<string, Tensor> = {};
  const structure = written(state, [], tensors);
  return toSafetensors(tensors, { [key]: JSON.stringify(structure) });
}

/**
 * The structure that `toCheckpoint` was given, its tensors as host data.
 *
 * @param name what to call the file in an error.
 * @throws FormatError where the bytes are no safetensors file; TypeError where they are no checkpoint.
 * @example
 * const { model: weights, epoch } = fromCheckpoint<{ model: StateDict; epoch: number }>(bytes);
 */
export function fromCheckpoint<State extends object>(bytes: Uint8Array, name = 'checkpoint'): State {
  const { tensors, metadata } = fromSafetensors(bytes, name);
  const structure = metadata[key];
  if (structure === undefined) {
    throw new TypeError(
      `${name}: expected a checkpoint, got a safetensors file without one; read weights with fromSafetensors`,
    );
  }
  return restored(JSON.parse(structure), tensors) as State;
}

function written(value: unknown, path: readonly string[], tensors: Record<string, Tensor>): unknown {
  if (value instanceof Tensor) {
    const name = path.join('/');
    tensors[name] = value;
    return { $tensor: name } satisfies Reference;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) } satisfies Reference;
  if (value === null || ['number', 'string', 'boolean', 'undefined'].includes(typeof value)) return value;
  if (Array.isArray(value)) return value.map((entry, i) => written(entry, [...path, String(i)], tensors));
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    const entries = Object.entries(value as object);
    return Object.fromEntries(entries.map(([name, entry]) => [name, written(entry, [...path, name], tensors)]));
  }
  const kind = typeof value === 'object' ? (value as object).constructor.name : typeof value;
  throw new TypeError(
    `toCheckpoint: expected tensors, plain objects, arrays and plain values, got ${kind} at ${path.join('/') || 'the top'}; of a model or an optimiser give stateDict()`,
  );
}

function restored(value: unknown, tensors: Readonly<Record<string, Tensor>>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((entry) => restored(entry, tensors));
  if ('$tensor' in value) return tensors[value.$tensor as string];
  if ('$number' in value) return Number(value.$number);
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, restored(entry, tensors)]));
}
