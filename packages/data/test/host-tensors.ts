/**
 * Small host tensors, one for each dtype, with values at the edges of what it can hold. Shared by the tests of the file formats.
 */
import { type HostTensor, hostTensor } from '../src/index.js';

export const oneOfEach: readonly HostTensor[] = [
  hostTensor(Float32Array.of(1.5, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e-45, 3.4e38), [2, 3], 'float32'),
  hostTensor(Float64Array.of(Math.PI, -5e-324), [2, 1], 'float64'),
  hostTensor(Uint16Array.of(0x3c00, 0x8000, 0x7c01), [3], 'float16'),
  hostTensor(Uint16Array.of(0x3f80, 0xff80, 0x7fc0), [1, 3], 'bfloat16'),
  hostTensor(BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n)), [2], 'int64'),
  hostTensor(Int32Array.of(2147483647, -2147483648, 7), [3], 'int32'),
  hostTensor(Int16Array.of(32767, -32768), [2], 'int16'),
  hostTensor(Int8Array.of(127, -128, 0), [3, 1], 'int8'),
  hostTensor(Uint8Array.of(0, 255, 16, 1, 2), [5], 'uint8'),
  hostTensor(Uint8Array.of(1, 0, 1), [3], 'bool'),
  hostTensor(Float32Array.of(42), [], 'float32'),
  hostTensor(new Float32Array(0), [0, 4], 'float32'),
];
