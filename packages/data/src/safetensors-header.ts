/**
 * The header of a safetensors file: JSON that names each tensor's dtype, shape and place. Owns its reading, with every check that
 * keeps a corrupt file from giving half a tensor, and its writing; the values are `safetensors.ts`'s.
 *
 * Source: huggingface/safetensors, README.md, "Format".
 */

import { type DType, dtypes } from '@torchlet/tensor';
import { FormatError } from './format-error.js';
import { sizeOf } from './host-tensor.js';
import { decodeUtf8, encodeUtf8 } from './text.js';

/** Each dtype's tag in the file. */
export const safetensorsTags = {
  float32: 'F32',
  float64: 'F64',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
} as const satisfies Record<DType, string>;

const dtypesByTag = new Map(Object.entries(safetensorsTags).map(([dtype, tag]) => [tag as string, dtype as DType]));

/** Where one tensor lies; offsets count from the first byte after the header. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of the file's JSON. */
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** The first byte of the values. */
  readonly dataStart: number;
}

/** The format's own bound on the header, against files made to exhaust memory. */
const maxHeaderBytes = 100_000_000;

/**
 * Reads and checks the header of a whole file.
 *
 * @param bytes the file, or its beginning: at least 8 bytes and the header.
 * @param fileBytes the length of the whole file.
 * @throws FormatError if the file is truncated or the header is malformed: not JSON, unknown dtypes, negative or huge
 *   dimensions, sizes that differ from the place given, places that overlap, leave a gap or end elsewhere than the file.
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileBytes: number, name: string): SafetensorsHeader {
  const refuse = (reason: string): FormatError => new FormatError(`${name}: ${reason}`);
  if (bytes.length < 8) {
    throw refuse(`truncated: a safetensors file has at least 8 bytes, got ${bytes.length}`);
  }
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > maxHeaderBytes) {
    throw refuse(`not a safetensors file: a header of ${length} bytes (at most ${maxHeaderBytes})`);
  }
  const dataStart = 8 + length;
  if (bytes.length < dataStart) {
    throw refuse(`truncated: the header ends at byte ${dataStart}, the file at ${bytes.length}`);
  }
  const json = parseJsonObject(bytes.subarray(8, dataStart), refuse);
  const { __metadata__ = {}, ...places } = json;
  const metadata = checkedMetadata(__metadata__, refuse);
  const entries = Object.entries(places).map(([key, value]) => checkedEntry(key, value, refuse));
  checkPlaces(entries, fileBytes - dataStart, refuse);
  return { entries, metadata, dataStart };
}

/**
 * The first bytes of a file with these tensors: length, JSON, and spaces up to a multiple of 8, so that values are aligned.
 */
export function writeSafetensorsHeader(
  entries: readonly SafetensorsEntry[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const json: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) {
    json.__metadata__ = metadata;
  }
  for (const { name, dtype, shape, begin, end } of entries) {
    json[name] = { dtype: safetensorsTags[dtype], shape, data_offsets: [begin, end] };
  }
  const text = encodeUtf8(JSON.stringify(json));
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}

type Refuse = (reason: string) => FormatError;

function parseJsonObject(bytes: Uint8Array, refuse: Refuse): Record<string, unknown> {
  if (bytes[0] !== 0x7b) {
    throw refuse('not a safetensors file: the header must begin with "{"');
  }
  let text: string;
  try {
    text = decodeUtf8(bytes);
  } catch (cause) {
    throw new FormatError(refuse('corrupt: the header is not UTF-8').message, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(refuse(`corrupt: the header is not JSON (${(cause as Error).message})`).message, { cause });
  }
  const doubled = repeatedKey(text);
  if (doubled !== undefined) {
    throw refuse(`corrupt: the header names ${JSON.stringify(doubled)} twice`);
  }
  return value as Record<string, unknown>;
}

/** JSON.parse keeps the last of two equal keys in silence; a tensor must not vanish so. Takes valid JSON of an object. */
function repeatedKey(text: string): string | undefined {
  const keys = new Set<string>();
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/gs)) {
    if (token === '{' || token === '[') {
      depth += 1;
    } else if (token === '}' || token === ']') {
      depth -= 1;
    } else if (depth === 1 && token.endsWith(':')) {
      const key: string = JSON.parse(token.slice(0, -1));
      if (keys.has(key)) {
        return key;
      }
      keys.add(key);
    }
  }
  return undefined;
}

function checkedMetadata(value: unknown, refuse: Refuse): Record<string, string> {
  if (!isObject(value) || !Object.values(value).every((text) => typeof text === 'string')) {
    throw refuse('corrupt: __metadata__ must be an object of strings');
  }
  return value as Record<string, string>;
}

function checkedEntry(name: string, value: unknown, refuse: Refuse): SafetensorsEntry {
  const label = JSON.stringify(name);
  if (!isObject(value)) {
    throw refuse(`corrupt: ${label} must be an object with dtype, shape and data_offsets`);
  }
  const unknown = Object.keys(value).find((key) => !['dtype', 'shape', 'data_offsets'].includes(key));
  if (unknown !== undefined) {
    throw refuse(`corrupt: ${label} has an unknown field ${JSON.stringify(unknown)}`);
  }
  const dtype = typeof value.dtype === 'string' ? dtypesByTag.get(value.dtype) : undefined;
  if (dtype === undefined) {
    const known = [...dtypesByTag.keys()].join(', ');
    throw refuse(`${label} has dtype ${JSON.stringify(value.dtype)}; supported are ${known}`);
  }
  if (!Array.isArray(value.shape) || !value.shape.every(isCount)) {
    throw refuse(`corrupt: the shape of ${label} must be a list of lengths, got ${JSON.stringify(value.shape)}`);
  }
  const offsets: unknown = value.data_offsets;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw refuse(`corrupt: data_offsets of ${label} must be [begin, end], got ${JSON.stringify(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  const expected = sizeOf(value.shape) * dtypes[dtype].bytes;
  if (!Number.isSafeInteger(expected) || end - begin !== expected) {
    throw refuse(
      `corrupt: ${label} is ${value.dtype} [${value.shape.join(', ')}], ${expected} bytes, but its place [${begin}, ${end}] has ${end - begin}`,
    );
  }
  return { name, dtype, shape: value.shape, begin, end };
}

function checkPlaces(entries: readonly SafetensorsEntry[], dataBytes: number, refuse: Refuse): void {
  let reached = 0;
  let before = 'the header';
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    const label = JSON.stringify(name);
    if (begin < reached) {
      throw refuse(`corrupt: ${label} begins at byte ${begin} of the data, inside ${before}, which ends at ${reached}`);
    }
    if (begin > reached) {
      throw refuse(
        `corrupt: a gap between ${before}, which ends at byte ${reached} of the data, and ${label} at ${begin}`,
      );
    }
    if (end > dataBytes) {
      throw refuse(`truncated: ${label} ends at byte ${end} of the data, which has ${dataBytes}`);
    }
    reached = end;
    before = label;
  }
  if (reached !== dataBytes) {
    throw refuse(`corrupt: the tensors end at byte ${reached} of the data, which has ${dataBytes}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
