/** Bytes of a Wasm binary as they grow: LEB128 numbers, floats, names. Owns no meaning; `module-builder.ts` gives it. */

const number = new DataView(new ArrayBuffer(8));

export class ByteWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written so far; valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  bytes(values: ArrayLike<number>): void {
    if (this.#length + values.length > this.#bytes.length) this.#grow(values.length);
    this.#bytes.set(values, this.#length);
    this.#length += values.length;
  }

  /** Unsigned LEB128 of a number below 2^32. */
  u32(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** Signed LEB128 of a 32-bit integer. */
  i32(value: number): void {
    let rest = value | 0;
    while (rest < -64 || rest > 63) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.byte(rest & 0x7f);
  }

  /** Signed LEB128 of a 64-bit integer. */
  i64(value: bigint): void {
    let rest = BigInt.asIntN(64, value);
    while (rest < -64n || rest > 63n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest & 0x7fn));
  }

  f32(value: number): void {
    number.setFloat32(0, value, true);
    for (let i = 0; i < 4; i++) this.byte(number.getUint8(i));
  }

  f64(value: number): void {
    number.setFloat64(0, value, true);
    for (let i = 0; i < 8; i++) this.byte(number.getUint8(i));
  }

  name(text: string): void {
    const encoded = Array.from(text, (letter) => letter.charCodeAt(0));
    if (encoded.some((code) => code > 0x7f)) throw new RangeError(`wasm: names are ASCII, got ${text}`);
    this.u32(encoded.length);
    this.bytes(encoded);
  }

  #grow(by: number): void {
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + by));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
