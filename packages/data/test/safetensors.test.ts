/**
 * Safetensors files written, read, and refused. Files are put together byte by byte where they must be wrong.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FormatError, hostTensor, parseSafetensors, writeSafetensors } from '../src/index.js';
import { oneOfEach } from './host-tensors.js';

/** A file with this header, as text or JSON, and this many bytes of data. */
function file(header: unknown, dataBytes = 0): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('safetensors', () => {
  it('gives back every dtype, to the bit, with metadata', () => {
    const named = oneOfEach.map((tensor, index) => [`layers.${index}.weight`, tensor] as const);
    const read = parseSafetensors(writeSafetensors(named, { format: 'pt', note: 'ü "quoted"' }));
    expect(read.metadata).toEqual({ format: 'pt', note: 'ü "quoted"' });
    expect(Object.fromEntries(read.tensors)).toEqual(Object.fromEntries(named));
  });

  it('writes wider elements first and aligns the data to 8 bytes', () => {
    const bytes = writeSafetensors([
      ['a', hostTensor(Uint8Array.of(1), [1], 'uint8')],
      ['b', hostTensor(Float64Array.of(2), [1], 'float64')],
    ]);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect((8 + length) % 8).toBe(0);
    expect(JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString())).toEqual({
      b: { dtype: 'F64', shape: [1], data_offsets: [0, 8] },
      a: { dtype: 'U8', shape: [1], data_offsets: [8, 9] },
    });
  });

  it('reads a file that others wrote: unaligned, unsorted, without padding', () => {
    const bytes = file({ b: entry(1, 9), a: { dtype: 'U8', shape: [], data_offsets: [0, 1] } }, 9);
    bytes[bytes.length - 9] = 200;
    new DataView(bytes.buffer, bytes.byteOffset).setFloat32(bytes.length - 4, -2.5, true);
    const { tensors } = parseSafetensors(bytes);
    expect(tensors.get('a')?.data).toEqual(Uint8Array.of(200));
    expect(tensors.get('b')?.data).toEqual(Float32Array.of(0, -2.5));
  });

  it('gives fresh memory: the file may change afterwards', () => {
    const bytes = writeSafetensors([['a', hostTensor(Float32Array.of(1), [1], 'float32')]]);
    const { tensors } = parseSafetensors(bytes);
    bytes.fill(0);
    expect(tensors.get('a')?.data).toEqual(Float32Array.of(1));
  });

  it('refuses a file cut at any byte', () => {
    const whole = writeSafetensors(oneOfEach.map((tensor, index) => [`t${index}`, tensor]));
    for (let length = 0; length < whole.length; length++) {
      expect(() => parseSafetensors(whole.subarray(0, length)), `cut at ${length}`).toThrow(FormatError);
    }
  });

  it.each<[what: string, bytes: Uint8Array, reason: RegExp]>([
    ['a huge header', Buffer.from('ffffffffffffffff', 'hex'), /not a safetensors file: a header of/],
    ['a header that is no object', file('[1]'), /must begin with "\{"/],
    ['a header that is not JSON', file('{"a":'), /not JSON/],
    ['a header that is not UTF-8', Buffer.from('0300000000000000' + '7bff7d', 'hex'), /not UTF-8/],
    ['metadata that are not strings', file({ __metadata__: { a: 1 } }), /__metadata__ must be an object of strings/],
    ['a tensor that is no object', file({ a: 3 }), /"a" must be an object/],
    ['an unknown field', file({ a: { ...entry(0, 4), stride: 1 } }, 4), /unknown field "stride"/],
    ['an unknown dtype', file({ a: entry(0, 4, [4], 'F8_E4M3') }, 4), /"a" has dtype "F8_E4M3"; supported are F32/],
    ['no dtype', file({ a: { shape: [1], data_offsets: [0, 4] } }, 4), /dtype undefined/],
    ['a negative length', file({ a: entry(0, 4, [-1]) }, 4), /shape of "a" must be a list of lengths, got \[-1\]/],
    ['a fractional length', file({ a: entry(0, 4, [0.5]) }, 4), /must be a list of lengths/],
    ['offsets that are no pair', file({ a: { ...entry(0, 4), data_offsets: [0] } }, 4), /must be \[begin, end\]/],
    ['a negative offset', file({ a: entry(-4, 0, [1]) }, 4), /must be \[begin, end\]/],
    ['an end before the begin', file({ a: entry(4, 0, [1]) }, 4), /has -4/],
    [
      "a size that is not the shape's",
      file({ a: entry(0, 8, [3]) }, 8),
      /F32 \[3\], 12 bytes, but its place \[0, 8\] has 8/,
    ],
    ['a shape that overflows', file({ a: entry(0, 4, [2 ** 40, 2 ** 40]) }, 4), /but its place/],
    [
      'an overlap',
      file({ a: entry(0, 8), b: entry(4, 12) }, 12),
      /"b" begins at byte 4 of the data, inside "a", which ends at 8/,
    ],
    ['two tensors in one place', file({ a: entry(0, 4), b: entry(0, 4) }, 4), /inside "a"/],
    [
      'a gap',
      file({ a: entry(0, 4), b: entry(8, 12) }, 12),
      /a gap between "a", which ends at byte 4 of the data, and "b" at 8/,
    ],
    ['a gap at the start', file({ a: entry(4, 8) }, 8), /a gap between the header/],
    ['a place past the end', file({ a: entry(0, 8) }, 4), /truncated: "a" ends at byte 8 of the data, which has 4/],
    ['bytes after the last tensor', file({ a: entry(0, 4) }, 5), /end at byte 4 of the data, which has 5/],
    [
      'a name given twice',
      file(`{"a":${JSON.stringify(entry(0, 4))},"a":${JSON.stringify(entry(4, 8))}}`, 8),
      /names "a" twice/,
    ],
    [
      'a name given twice in another spelling',
      file(`{"a":${JSON.stringify(entry(0, 4))},"\\u0061":${JSON.stringify(entry(4, 8))}}`, 8),
      /twice/,
    ],
    [
      'a bool that is neither',
      Buffer.concat([file({ a: entry(0, 1, [1], 'BOOL') }), Buffer.of(2)]),
      /BOOL but has bytes other than 0 and 1/,
    ],
  ])('refuses %s', (_what, bytes, reason) => {
    expect(() => parseSafetensors(bytes, 'weights.safetensors')).toThrow(FormatError);
    expect(() => parseSafetensors(bytes, 'weights.safetensors')).toThrow(reason);
    expect(() => parseSafetensors(bytes, 'weights.safetensors')).toThrow(/^weights\.safetensors: /);
  });

  it('refuses to write what could not be read', () => {
    const one = hostTensor(Float32Array.of(1), [1], 'float32');
    expect(() =>
      writeSafetensors([
        ['a', one],
        ['a', one],
      ]),
    ).toThrow(/"a" is reserved or given twice/);
    expect(() => writeSafetensors([['__metadata__', one]])).toThrow(/reserved/);
    expect(() => writeSafetensors([['a', { ...one, shape: [2] }]])).toThrow(/shape \[2\] has 2 elements, got 1/);
    expect(() => writeSafetensors([['a', { ...one, dtype: 'int32' }]])).toThrow(
      /int32 is held in a Int32Array, got a Float32Array/,
    );
  });
});

describe.skipIf(process.env.TORCHLET_GOLDENS === undefined)(
  'safetensors files that PyTorch wrote (TORCHLET_GOLDENS)',
  () => {
    const folder = process.env.TORCHLET_GOLDENS ?? '';
    const files = folder === '' ? [] : readdirSync(folder).filter((name) => name.endsWith('.safetensors'));

    it('are there', () => expect(files).not.toEqual([]));

    it.each(files)('%s reads, and reads the same once written again', (name) => {
      const { tensors, metadata } = parseSafetensors(readFileSync(join(folder, name)), name);
      expect(tensors.size).toBeGreaterThan(0);
      const again = parseSafetensors(writeSafetensors(tensors, metadata));
      expect(again.metadata).toEqual(metadata);
      expect([...again.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
      for (const [key, { dtype, shape, data }] of tensors) {
        const other = again.tensors.get(key);
        expect([other?.dtype, other?.shape]).toEqual([dtype, shape]);
        const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
        expect(bytes.equals(new Uint8Array(other?.data.buffer ?? new ArrayBuffer(0)))).toBe(true);
      }
    });
  },
);
