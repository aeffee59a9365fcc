/**
 * Samples to a batch. Owns the default rule: what a sample is made of, its batch is made of too, with one more dimension in front.
 *
 * Source: torch.utils.data.default_collate.
 */

import { fromHost, stack, Tensor } from '@torchlet/tensor';

/** What the default rule makes of samples of this type. */
export type Collated<Sample> = Sample extends Tensor | number | bigint | boolean
  ? Tensor
  : Sample extends string
    ? string[]
    : Sample extends readonly unknown[] | object
      ? { -readonly [Key in keyof Sample]: Collated<Sample[Key]> }
      : never;

/**
 * Tensors are stacked; numbers become int64 where all are whole, else float32; bigints int64; booleans bool; strings an array; arrays
 * and plain objects are collated entry by entry.
 *
 * @throws TypeError for other values, or where samples differ in kind or entries; RangeError where there are none.
 * @example
 * collate([[image0, 5], [image1, 0]]); // [tensor [2, 1, 28, 28], int64 tensor [2]]
 */
export function collate<Sample>(samples: readonly Sample[]): Collated<Sample> {
  if (samples.length === 0) {
    throw new RangeError('collate: expected at least one sample');
  }
  return collateValues(samples) as Collated<Sample>;
}

function collateValues(values: readonly unknown[]): unknown {
  if (values.every((value) => value instanceof Tensor)) {
    return stack(values);
  }
  const shape = [values.length];
  if (values.every((value) => typeof value === 'number')) {
    return values.every(Number.isInteger)
      ? fromHost(BigInt64Array.from(values, BigInt), shape, 'int64')
      : fromHost(Float32Array.from(values), shape, 'float32');
  }
  if (values.every((value) => typeof value === 'bigint')) {
    return fromHost(BigInt64Array.from(values), shape, 'int64');
  }
  if (values.every((value) => typeof value === 'boolean')) {
    return fromHost(Uint8Array.from(values, Number), shape, 'bool');
  }
  if (values.every((value) => typeof value === 'string')) {
    return [...values];
  }
  if (values.every((value) => Array.isArray(value))) {
    return entriesOf(values).map((key) => collateValues(values.map((value) => value[Number(key)])));
  }
  if (values.every(isPlainObject)) {
    return Object.fromEntries(entriesOf(values).map((key) => [key, collateValues(values.map((value) => value[key]))]));
  }
  throw new TypeError(
    `collate: expected samples of one kind (tensors, numbers, booleans, strings, arrays or plain objects), got ${[...new Set(values.map(kindOf))].join(' and ')}; pass a collate function to the loader`,
  );
}

/** The keys that all values have. */
function entriesOf(values: readonly object[]): string[] {
  const [keys = '', ...others] = values.map((value) => Object.keys(value).join());
  const other = others.find((candidate) => candidate !== keys);
  if (other !== undefined) {
    throw new TypeError(`collate: samples have different entries: ${keys || 'none'} and ${other || 'none'}`);
  }
  return Object.keys(values[0] ?? {});
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function kindOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? value.constructor.name : String(typeof value);
}
