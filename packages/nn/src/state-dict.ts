/** State dicts: values by name, and whether one fits a module. Owns the check and its message; files are read and written elsewhere. */
import type { Tensor } from '@torchlet/tensor';

/** Tensors by PyTorch's keys, such as `layers.0.weight`. */
export type StateDict = Record<string, Tensor>;

export interface LoadResult {
  /** The module has them, the state dict does not. */
  readonly missingKeys: readonly string[];
  /** The state dict has them, the module does not. */
  readonly unexpectedKeys: readonly string[];
}

/**
 * Compares `given` with a module's `own` state.
 *
 * @throws Error that lists what is wrong: shapes always, missing and unexpected keys if `strict`.
 */
export function checkStateDict(
  module: string,
  own: Readonly<StateDict>,
  given: Readonly<StateDict>,
  strict: boolean,
): LoadResult {
  const missingKeys = Object.keys(own).filter((key) => !(key in given));
  const unexpectedKeys = Object.keys(given).filter((key) => !(key in own));
  const problems: string[] = [];
  if (strict && missingKeys.length > 0) problems.push(`missing keys: ${missingKeys.join(', ')}`);
  if (strict && unexpectedKeys.length > 0) problems.push(`unexpected keys: ${unexpectedKeys.join(', ')}`);
  for (const [key, { shape }] of Object.entries(own)) {
    const got = given[key]?.shape;
    if (got === undefined || (got.length === shape.length && got.every((length, axis) => length === shape[axis])))
      continue;
    problems.push(`${key}: expected shape [${shape.join(', ')}], got [${got.join(', ')}]`);
  }
  if (problems.length > 0) {
    const advice = strict ? '; pass { strict: false } to load only the keys that both have' : '';
    throw new Error(`loadStateDict: the state does not fit ${module}:\n  ${problems.join('\n  ')}${advice}`);
  }
  return { missingKeys, unexpectedKeys };
}
