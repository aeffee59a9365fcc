/** Whole numbers as Wasm writes them: seven bits a byte, the lowest first. Owns nothing else. */

/** A number from 0 on, below 2^32, at the end of `bytes`. */
export function unsigned(value: number, bytes: number[] = []): number[] {
  let rest = value >>> 0;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** A number of 32 bits. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (; rest < -64 || rest > 63; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest & 0x7f);
  return bytes;
}

/** A number of 64 bits. */
export function signedWide(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest < -64n || rest > 63n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest & 0x7fn));
  return bytes;
}
