/**
 * Host arrays to the words of a buffer and back: narrow integers and bool become whole words, int64 its low 32 bits, halves stay two in a word. Owns the
 * conversion and its refusals; it allocates nothing but results.
 */
import {
  bfloat16ToNumber,
  type DType,
  dtypes,
  float16ToNumber,
  type HostArray,
  numberToBfloat16,
  numberToFloat16,
} from '@torchlet/device';
import { dtypeRows } from '../wgsl/kinds.js';

/** Bytes that `size` elements take in a buffer, whole words. */
export function storedBytes(dtype: DType, size: number): number {
  return Math.ceil((size * dtypeRows[dtype].storedBytes) / 4) * 4;
}

/** What is wrong with an array that should hold `size` elements of `dtype`, or null. */
export function arrayProblem(data: HostArray, dtype: DType, size: number): string | null {
  if (data.length !== size) return `must have ${size} elements, got ${data.length}`;
  return data.BYTES_PER_ELEMENT === dtypes[dtype].bytes ? null : `is ${dtype}, got a ${data.constructor.name}`;
}

/**
 * Writes the elements into `target` from `byteOffset` on.
 *
 * @throws RangeError where an int64 does not fit into 32 bits.
 */
export function writeStored(target: ArrayBuffer, byteOffset: number, dtype: DType, data: HostArray): void {
  switch (dtype) {
    case 'float32':
      new Float32Array(target, byteOffset, data.length).set(data as Float32Array);
      return;
    case 'float16':
    case 'bfloat16':
      new Uint16Array(target, byteOffset, data.length).set(data as Uint16Array);
      return;
    case 'int64': {
      const words = new Int32Array(target, byteOffset, data.length);
      for (let i = 0; i < words.length; i++)
        words[i] = narrowed((data as BigInt64Array)[i] as bigint, () => `element ${i}`);
      return;
    }
    case 'bool': {
      const words = new Int32Array(target, byteOffset, data.length);
      for (let i = 0; i < words.length; i++) words[i] = data[i] ? 1 : 0;
      return;
    }
    case 'int32':
    case 'int16':
    case 'int8':
    case 'uint8':
      new Int32Array(target, byteOffset, data.length).set(data as Int32Array);
      return;
    case 'float64':
      throw new TypeError('webgpu: float64 is not a dtype of this device');
    default: {
      const never: never = dtype;
      return never;
    }
  }
}

/** The `size` elements that lie in `source`, in fresh memory. */
export function readStored(source: ArrayBuffer, dtype: DType, size: number): HostArray {
  const result = dtypes[dtype].zeros(size);
  switch (dtype) {
    case 'float32':
      (result as Float32Array).set(new Float32Array(source, 0, size));
      return result;
    case 'float16':
    case 'bfloat16':
      (result as Uint16Array).set(new Uint16Array(source, 0, size));
      return result;
    case 'int64': {
      const words = new Int32Array(source, 0, size);
      const wide = result as BigInt64Array;
      for (let i = 0; i < size; i++) wide[i] = BigInt(words[i] as number);
      return result;
    }
    case 'bool':
    case 'int32':
    case 'int16':
    case 'int8':
    case 'uint8':
      (result as Int32Array).set(new Int32Array(source, 0, size));
      return result;
    case 'float64':
      throw new TypeError('webgpu: float64 is not a dtype of this device');
    default: {
      const never: never = dtype;
      return never;
    }
  }
}

/**
 * Writes a runtime scalar as the word that kernels read.
 *
 * @throws RangeError where an int64 does not fit into 32 bits.
 */
export function writeScalar(target: DataView, byteOffset: number, dtype: DType, value: number | bigint): void {
  switch (dtype) {
    case 'float32':
      target.setFloat32(byteOffset, Number(value), true);
      return;
    case 'float16':
      target.setFloat32(byteOffset, float16ToNumber(numberToFloat16(Number(value))), true);
      return;
    case 'bfloat16':
      target.setFloat32(byteOffset, bfloat16ToNumber(numberToBfloat16(Number(value))), true);
      return;
    case 'int64': {
      const whole = typeof value === 'bigint' ? value : BigInt(Math.trunc(value));
      target.setInt32(
        byteOffset,
        narrowed(whole, () => 'a number'),
        true,
      );
      return;
    }
    case 'int32':
      target.setInt32(byteOffset, Number(value), true);
      return;
    case 'int16':
      target.setInt32(byteOffset, (Number(value) << 16) >> 16, true);
      return;
    case 'int8':
      target.setInt32(byteOffset, (Number(value) << 24) >> 24, true);
      return;
    case 'uint8':
      target.setInt32(byteOffset, Number(value) & 0xff, true);
      return;
    case 'bool':
      target.setUint32(byteOffset, value ? 1 : 0, true);
      return;
    case 'float64':
      throw new TypeError('webgpu: float64 is not a dtype of this device');
    default: {
      const never: never = dtype;
      return never;
    }
  }
}

function narrowed(value: bigint, what: () => string): number {
  const word = Number(BigInt.asIntN(32, value));
  if (BigInt(word) === value) return word;
  throw new RangeError(
    `webgpu: ${what()} of int64 is ${value}, and this device stores int64 in 32 bits: use values from -2147483648 to 2147483647, or the cpu device`,
  );
}
