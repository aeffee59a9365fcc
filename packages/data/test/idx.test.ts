/**
 * IDX bytes read, and refused when they are not what they say.
 */
import { describe, expect, it } from 'vitest';
import { FormatError, hostTensor, parseIdx } from '../src/index.js';

/** An IDX file of a type code with these lengths and, as hexadecimal digits, these values. */
function idx(code: number, lengths: readonly number[], values: string): Uint8Array {
  const header = Buffer.alloc(4 + 4 * lengths.length);
  header.set([0, 0, code, lengths.length]);
  for (const [axis, length] of lengths.entries()) {
    header.writeUInt32BE(length, 4 + 4 * axis);
  }
  return Buffer.concat([header, Buffer.from(values, 'hex')]);
}

describe('parseIdx', () => {
  it('reads each type, big-endian', () => {
    expect(parseIdx(idx(8, [2, 1, 3], '000102fdfeff'))).toEqual(
      hostTensor(Uint8Array.of(0, 1, 2, 253, 254, 255), [2, 1, 3], 'uint8'),
    );
    expect(parseIdx(idx(9, [2], '7f80'))).toEqual(hostTensor(Int8Array.of(127, -128), [2], 'int8'));
    expect(parseIdx(idx(11, [2], '0102ffff'))).toEqual(hostTensor(Int16Array.of(258, -1), [2], 'int16'));
    expect(parseIdx(idx(12, [1], '00000102'))).toEqual(hostTensor(Int32Array.of(258), [1], 'int32'));
    expect(parseIdx(idx(13, [1], '3fc00000'))).toEqual(hostTensor(Float32Array.of(1.5), [1], 'float32'));
    expect(parseIdx(idx(14, [1], '400c000000000000'))).toEqual(hostTensor(Float64Array.of(3.5), [1], 'float64'));
  });

  it('refuses a file cut at any byte', () => {
    const whole = idx(8, [2, 2], '01020304');
    for (let length = 0; length < whole.length; length++) {
      expect(() => parseIdx(whole.subarray(0, length)), `cut at ${length}`).toThrow(/truncated/);
    }
  });

  it.each<[what: string, bytes: Uint8Array, reason: RegExp]>([
    ['gzip', Buffer.from('1f8b0800', 'hex'), /not an IDX file: expected two zero bytes first, got a gzip file/],
    ['a web page', Buffer.from('<html>'), /got what looks like a web page/],
    ['other bytes', Buffer.from('hello'), /got 104 and 101/],
    ['an unknown type', idx(10, [1], '00'), /the type code must be one of 8, 9, 11, 12, 13, 14, got 10/],
    ['bytes after the last value', idx(8, [2], '010203'), /corrupt: uint8 \[2\] ends at byte 10, the file has 11/],
    ['fewer values than it says', idx(8, [3], '0102'), /truncated: uint8 \[3\] needs 11 bytes, got 10/],
  ])('refuses %s', (_what, bytes, reason) => {
    expect(() => parseIdx(bytes, 'train')).toThrow(FormatError);
    expect(() => parseIdx(bytes, 'train')).toThrow(reason);
  });
});
