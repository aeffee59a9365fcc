/**
 * .npy files: some that NumPy 2.4 wrote, kept here byte by byte, then our own read back, then what must be refused.
 */
import { describe, expect, it } from 'vitest';
import { FormatError, hostTensor, parseNpy, writeNpy } from '../src/index.js';
import { oneOfEach } from './host-tensors.js';

/** A file as NumPy lays it out: magic, version, header padded to 64 bytes, values as hexadecimal digits. */
function npy(version: number, header: string, values = ''): Uint8Array {
  const before = version === 1 ? 10 : 12;
  const length = Math.ceil((before + header.length + 1) / 64) * 64 - before;
  const start = Buffer.from(
    [0x93, ...Buffer.from('NUMPY'), version, 0, length & 255, length >> 8, 0, 0].slice(0, before),
  );
  return Buffer.concat([start, Buffer.from(`${header.padEnd(length - 1)}\n`), Buffer.from(values, 'hex')]);
}

const int32 = "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }";
const int32Values = '000000000100000002000000030000000400000005000000';

describe('npy', () => {
  it('reads what NumPy writes', () => {
    expect(parseNpy(npy(1, int32, int32Values))).toEqual(hostTensor(Int32Array.of(0, 1, 2, 3, 4, 5), [2, 3], 'int32'));
  });

  it('reads big-endian values in Fortran order', () => {
    const header = "{'descr': '>f4', 'fortran_order': True, 'shape': (2, 3), }";
    expect(parseNpy(npy(1, header, '00000000404000003f800000408000004000000040a00000'))).toEqual(
      hostTensor(Float32Array.of(0, 1, 2, 3, 4, 5), [2, 3], 'float32'),
    );
  });

  it('reads a three-dimensional array in Fortran order', () => {
    const header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 2), }";
    // numpy.asfortranarray(numpy.arange(12).reshape(2, 3, 2)).tobytes('F')
    expect(parseNpy(npy(1, header, '00060208040a01070309050b'))).toEqual(
      hostTensor(
        Uint8Array.from({ length: 12 }, (_, i) => i),
        [2, 3, 2],
        'uint8',
      ),
    );
  });

  it('reads versions 2 and 3', () => {
    expect(parseNpy(npy(2, "{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", '0100'))).toEqual(
      hostTensor(Uint8Array.of(1, 0), [2], 'bool'),
    );
    expect(parseNpy(npy(3, "{'descr': '<f8', 'fortran_order': False, 'shape': (), }", '0000000000000c40'))).toEqual(
      hostTensor(Float64Array.of(3.5), [], 'float64'),
    );
  });

  it('writes the bytes that NumPy writes', () => {
    const bytes = writeNpy(hostTensor(Int32Array.of(0, 1, 2, 3, 4, 5), [2, 3], 'int32'));
    expect(Buffer.from(bytes).toString('hex')).toBe(Buffer.from(npy(1, int32, int32Values)).toString('hex'));
  });

  it('gives back every dtype that NumPy has, to the bit', () => {
    for (const tensor of oneOfEach.filter(({ dtype }) => dtype !== 'bfloat16')) {
      expect(parseNpy(writeNpy(tensor))).toEqual(tensor);
    }
  });

  it('refuses to write bfloat16, and says what to do', () => {
    expect(() => writeNpy(hostTensor(Uint16Array.of(1), [1], 'bfloat16'))).toThrow(/convert to float32 first/);
  });

  it('refuses a file cut at any byte', () => {
    const whole = npy(1, int32, int32Values);
    for (let length = 0; length < whole.length; length++) {
      expect(() => parseNpy(whole.subarray(0, length)), `cut at ${length}`).toThrow(/truncated|not a \.npy file/);
    }
  });

  it.each<[what: string, bytes: Uint8Array, reason: RegExp]>([
    ['another format', Buffer.from('PK\u0003\u0004 this is an .npz file'), /must begin with \\x93NUMPY/],
    ['a version of the future', npy(4, int32, int32Values), /version 4/],
    [
      'bytes after the last value',
      npy(1, int32, `${int32Values}00`),
      /corrupt: int32 \[2, 3\] ends at byte 152, the file at 153/,
    ],
    ['objects', npy(1, "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), /dtype \|O is not supported/],
    ['complex numbers', npy(1, "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }"), /supported are f4, f8/],
    ['records', npy(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }"), /structured dtype/],
    ['a header without shape', npy(1, "{'descr': '<f4', 'fortran_order': False, }"), /corrupt: expected a header/],
    [
      'a shape of nothing',
      npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,,2), }"),
      /not a tuple of lengths/,
    ],
    ['a header that is no dictionary', npy(1, 'hello'), /corrupt: expected a header/],
    ['a header without end', npy(2, ' '.repeat(20_000)), /a header of 2\d{4} bytes/],
  ])('refuses %s', (_what, bytes, reason) => {
    expect(() => parseNpy(bytes, 'x.npy')).toThrow(FormatError);
    expect(() => parseNpy(bytes, 'x.npy')).toThrow(reason);
  });
});
