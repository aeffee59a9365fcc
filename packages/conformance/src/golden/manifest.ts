/**
 * A golden group from its two files: the manifest (JSON) and the tensors it names (safetensors). Owns reading and checking, bytes in and a
 * group out, so that a browser can do it; `goldens.node.ts` finds the files in a folder. Read `cases.ts` for what a case says.
 */
import { FormatError, type HostTensor, parseSafetensors } from '@torchlet/data';
import type { CaseKind, GoldenCase } from './cases.js';

/** The cases of one manifest with the tensors they name. */
export interface GoldenGroup {
  readonly name: string;
  readonly cases: readonly GoldenCase[];
  readonly tensors: ReadonlyMap<string, HostTensor>;
}

const format = 'pt-conformance-1';

/** The fields without which a case of each kind means nothing. */
const requiredFields = {
  op: ['args', 'kwargs', 'outputs'],
  module: ['ctor', 'state', 'train', 'args', 'kwargs', 'outputs'],
  optimizer: ['kwargs', 'steps', 'params', 'grads', 'outputs', 'stateAfter'],
  scheduler: ['optimizer', 'kwargs', 'steps', 'outputs'],
  program: ['inputs', 'program', 'outputs'],
  training: ['model', 'data', 'optimizer', 'steps', 'init', 'order', 'outputs', 'stateAfter', 'tolerances'],
} as const satisfies Record<CaseKind, readonly string[]>;

/**
 * Reads a group.
 *
 * @param manifest the text of the JSON file.
 * @param tensors the bytes of the safetensors file beside it.
 * @param name what to call the pair in an error, such as its path.
 * @throws FormatError where the manifest is not of this format, a case lacks a field of its kind, two cases share an id, the count is
 *   wrong, or a case names a tensor that the file does not have.
 */
export function parseGoldenGroup(manifest: string, tensors: Uint8Array, name: string): GoldenGroup {
  const head = parseObject(manifest, name);
  if (head['format'] !== format) {
    throw new FormatError(
      `${name}: expected the format ${JSON.stringify(format)}, got ${JSON.stringify(head['format'])}`,
    );
  }
  const { group, cases, count } = head;
  if (typeof group !== 'string' || !Array.isArray(cases)) {
    throw new FormatError(`${name}: expected a "group" and a list of "cases"`);
  }
  if (count !== cases.length) {
    throw new FormatError(`${name}: the manifest counts ${String(count)} cases and lists ${cases.length}`);
  }
  const stored = parseSafetensors(tensors, name).tensors;
  const ids = new Set<string>();
  const checked = cases.map((value: unknown) => checkedCase(value, name, ids, stored));
  return { name: group, cases: checked, tensors: stored };
}

function parseObject(text: string, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`${name}: the manifest is not JSON (${(cause as Error).message})`, { cause });
  }
  if (!isObject(value)) throw new FormatError(`${name}: the manifest must be a JSON object`);
  return value;
}

function checkedCase(
  value: unknown,
  name: string,
  ids: Set<string>,
  stored: ReadonlyMap<string, HostTensor>,
): GoldenCase {
  if (!isObject(value) || typeof value['id'] !== 'string') throw new FormatError(`${name}: a case has no id`);
  const { id, kind, op } = value;
  if (ids.has(id as string)) throw new FormatError(`${name}: two cases are called ${String(id)}`);
  ids.add(id as string);
  if (!isKind(kind)) {
    const kinds = Object.keys(requiredFields).join(', ');
    throw new FormatError(`${name}: ${String(id)}: expected a kind of ${kinds}, got ${JSON.stringify(kind)}`);
  }
  const missing = ['op', ...requiredFields[kind]].find((field) => value[field] === undefined);
  if (missing !== undefined || typeof op !== 'string') {
    throw new FormatError(`${name}: ${String(id)}: a case of kind ${kind} needs "${missing ?? 'op'}"`);
  }
  const unknown = tensorKeys(value, `${String(id)}/`).find((key) => !stored.has(key));
  if (unknown !== undefined)
    throw new FormatError(`${name}: ${String(id)}: there is no tensor ${JSON.stringify(unknown)}`);
  // What every kind needs has been checked; a malformed argument is found when it is decoded.
  return value as unknown as GoldenCase;
}

/** Every string anywhere in the case that begins with the case's own id: that is how keys are told from other text. */
export function tensorKeys(value: unknown, prefix: string): string[] {
  if (typeof value === 'string') return value.startsWith(prefix) ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((item) => tensorKeys(item, prefix));
  if (isObject(value)) return Object.values(value).flatMap((item) => tensorKeys(item, prefix));
  return [];
}

function isKind(value: unknown): value is CaseKind {
  return typeof value === 'string' && Object.hasOwn(requiredFields, value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
