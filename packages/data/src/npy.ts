/**
 * NumPy's .npy files to host tensors and back. Owns the format's versions 1.0 to 3.0, both byte orders and Fortran order; not .npz
 * (a zip of these) and no dtypes beyond ours. Read `host-tensor.ts` for what comes out.
 *
 * Source: numpy.lib.format, "Format Version 1.0" to "3.0".
 */

import { type DType, dtypes, type HostArray } from '@torchlet/tensor';
import { FormatError } from './format-error.js';
import { type HostTensor, hostTensor, littleEndianBytes, sizeOf, valuesFromBytes } from './host-tensor.js';
import { encodeUtf8 } from './text.js';

/** NumPy's spelling of each dtype, without its byte order; it has no bfloat16. */
const npyTypes = {
  float32: 'f4',
  float64: 'f8',
  float16: 'f2',
  bfloat16: undefined,
  int64: 'i8',
  int32: 'i4',
  int16: 'i2',
  int8: 'i1',
  uint8: 'u1',
  bool: 'b1',
} as const satisfies Record<DType, string | undefined>;

const dtypesByNpyType = new Map(
  Object.entries(npyTypes).flatMap(([dtype, type]) => (type === undefined ? [] : [[type as string, dtype as DType]])),
);

/** NumPy's own default bound on a header it does not trust. */
const maxHeaderBytes = 10_000;

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] as const;

/**
 * The array in a .npy file, in fresh memory and row-major order.
 *
 * @param name what to call the file in an error, such as its path.
 * @throws FormatError if it is not .npy, is truncated, goes on after its last value, or has a dtype that is none of ours.
 */
export function parseNpy(bytes: Uint8Array, name = '.npy file'): HostTensor {
  const refuse = (reason: string): FormatError => new FormatError(`${name}: ${reason}`);
  if (bytes.length < 10) {
    throw refuse(`truncated: a .npy file has at least 10 bytes, got ${bytes.length}`);
  }
  if (!magic.every((byte, index) => bytes[index] === byte)) {
    throw refuse('not a .npy file: it must begin with \\x93NUMPY');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = view.getUint8(6);
  if (major < 1 || major > 3) {
    throw refuse(`.npy version ${major}; supported are 1 to 3`);
  }
  const headerStart = major === 1 ? 10 : 12;
  if (bytes.length < headerStart) {
    throw refuse(`truncated: the header begins at byte ${headerStart}, the file ends at ${bytes.length}`);
  }
  const start = headerStart + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (start - headerStart > maxHeaderBytes) {
    throw refuse(`corrupt: a header of ${start - headerStart} bytes (at most ${maxHeaderBytes})`);
  }
  if (bytes.length < start) {
    throw refuse(`truncated: the header ends at byte ${start}, the file at ${bytes.length}`);
  }
  // Field names may be any text, but a header we accept is ASCII in every version.
  const header = parseHeader(String.fromCharCode(...bytes.subarray(headerStart, start)), refuse);
  const dtype = dtypesByNpyType.get(header.type);
  if (dtype === undefined) {
    throw refuse(
      `dtype ${header.order}${header.type} is not supported; supported are ${[...dtypesByNpyType.keys()].join(', ')}`,
    );
  }
  const expected = start + sizeOf(header.shape) * dtypes[dtype].bytes;
  if (bytes.length !== expected) {
    const reason = bytes.length < expected ? 'truncated' : 'corrupt';
    throw refuse(
      `${reason}: ${dtype} [${header.shape.join(', ')}] ends at byte ${expected}, the file at ${bytes.length}`,
    );
  }
  const data = valuesFromBytes(bytes.subarray(start), dtype, header.order === '>' ? 'big' : 'little');
  return { dtype, shape: header.shape, data: header.fortran ? rowMajor(data, header.shape, dtype) : data };
}

/**
 * The bytes of a .npy file, version 1.0, little-endian, in row-major order.
 *
 * @throws TypeError for bfloat16, which NumPy does not have, or if the values are not the dtype's kind of array; RangeError if
 *   they do not fill the shape.
 */
export function writeNpy(tensor: HostTensor): Uint8Array {
  const { data, shape, dtype } = hostTensor(tensor.data, tensor.shape, tensor.dtype);
  const type = npyTypes[dtype];
  if (type === undefined) {
    throw new TypeError(`writeNpy: NumPy has no ${dtype}; convert to float32 first, or write safetensors`);
  }
  const order = dtypes[dtype].bytes === 1 ? '|' : '<';
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${order}${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // The format pads with spaces and ends with a newline, so that the values begin at a multiple of 64.
  const start = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(start + data.byteLength);
  bytes.set([...magic, 1, 0]);
  new DataView(bytes.buffer).setUint16(8, start - 10, true);
  bytes.set(encodeUtf8(`${text.padEnd(start - 11)}\n`), 10);
  bytes.set(littleEndianBytes(data), start);
  return bytes;
}

interface NpyHeader {
  readonly order: string;
  readonly type: string;
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

/** The header is a Python dictionary with exactly these keys, which NumPy writes sorted but reads in any order. */
function parseHeader(text: string, refuse: (reason: string) => FormatError): NpyHeader {
  const descr = /['"]descr['"]\s*:\s*['"]([<>|=])(\w+)['"]/.exec(text);
  const fortran = /['"]fortran_order['"]\s*:\s*(True|False)\b/.exec(text);
  const shape = /['"]shape['"]\s*:\s*\(([\d,\sL]*)\)/.exec(text);
  if (/['"]descr['"]\s*:\s*\[/.test(text)) {
    throw refuse('a structured dtype (an array of records); save each field as an array of its own');
  }
  if (descr === null || fortran === null || shape === null || !/^\s*\{.*\}\s*$/s.test(text)) {
    throw refuse(`corrupt: expected a header with descr, fortran_order and shape, got ${JSON.stringify(text.trim())}`);
  }
  const lengths = (shape[1] ?? '').split(',').map((length) => length.trim().replace(/L$/, ''));
  if (lengths.at(-1) === '') {
    lengths.pop();
  }
  const numbers = lengths.map(Number);
  if (lengths.includes('') || !numbers.every((length) => Number.isSafeInteger(length))) {
    throw refuse(`corrupt: the shape (${shape[1]}) is not a tuple of lengths`);
  }
  return { order: descr[1] ?? '', type: descr[2] ?? '', fortran: fortran[1] === 'True', shape: numbers };
}

/** Column-major values, in row-major order. */
function rowMajor(data: HostArray, shape: readonly number[], dtype: DType): HostArray {
  const strides: number[] = [];
  let stride = 1;
  for (const length of shape) {
    strides.push(stride);
    stride *= length;
  }
  const out = dtypes[dtype].zeros(data.length);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = data[from] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      from += strides[axis] ?? 0;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
      from -= (strides[axis] ?? 0) * next;
    }
  }
  return out;
}
