/**
 * Host arrays to bytes as kernels read them, and back. The device stores every dtype as the host does, little endian, so most is copied as it is. Owns
 * the conversion; it allocates nothing but results.
 */
import { type DType, dtypes, type HostArray, numberToBfloat16, numberToFloat16 } from '@torchlet/device';

/** What is wrong with an array that should hold `size` elements of `dtype`, or null. */
export function arrayProblem(data: HostArray, dtype: DType, size: number): string | null {
  if (data.length !== size) return `must have ${size} elements, got ${data.length}`;
  return data.BYTES_PER_ELEMENT === dtypes[dtype].bytes ? null : `is ${dtype}, got a ${data.constructor.name}`;
}

/** Writes the elements into `target` from `byteOffset` on. */
export function writeElements(target: ArrayBuffer, byteOffset: number, dtype: DType, data: HostArray): void {
  if (dtype === 'bool') {
    const bytes = new Uint8Array(target, byteOffset, data.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = data[i] ? 1 : 0;
    return;
  }
  // As bytes: one copy, whatever the kind.
  new Uint8Array(target, byteOffset, data.byteLength).set(
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
}

/** The elements that lie in `source`, which is theirs alone. */
export function readElements(source: ArrayBuffer, dtype: DType, size: number): HostArray {
  return dtypes[dtype].array(source, 0, size);
}

/** Writes a runtime scalar in its dtype's stored form. */
export function writeScalar(target: DataView, byteOffset: number, dtype: DType, value: number | bigint): void {
  switch (dtype) {
    case 'float32':
      target.setFloat32(byteOffset, Number(value), true);
      return;
    case 'float64':
      target.setFloat64(byteOffset, Number(value), true);
      return;
    case 'float16':
      target.setUint16(byteOffset, numberToFloat16(Number(value)), true);
      return;
    case 'bfloat16':
      target.setUint16(byteOffset, numberToBfloat16(Number(value)), true);
      return;
    case 'int64':
      target.setBigInt64(byteOffset, typeof value === 'bigint' ? value : BigInt(Math.trunc(value)), true);
      return;
    case 'int32':
      target.setInt32(byteOffset, Number(value), true);
      return;
    case 'int16':
      target.setInt16(byteOffset, Number(value), true);
      return;
    case 'int8':
      target.setInt8(byteOffset, Number(value));
      return;
    case 'uint8':
      target.setUint8(byteOffset, Number(value));
      return;
    case 'bool':
      target.setUint8(byteOffset, value ? 1 : 0);
      return;
    default: {
      const never: never = dtype;
      return never;
    }
  }
}
