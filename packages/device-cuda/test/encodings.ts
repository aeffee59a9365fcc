/** Numbers as tensor cores take them: float32, bfloat16 and float16 as bits, for tests that lay matrices out by hand. */

export interface Encoding {
  /** The bits of small numbers, exactly. */
  bits(value: number): number;
  value(bits: number): number;
}

const word = new DataView(new ArrayBuffer(8));
export const float32: Encoding = {
  bits: (value) => {
    word.setFloat32(0, value);
    return word.getUint32(0);
  },
  value: (bits) => {
    word.setUint32(0, bits);
    return word.getFloat32(0);
  },
};
export const bf16: Encoding = {
  bits: (value) => float32.bits(value) >>> 16,
  value: (bits) => float32.value(bits << 16),
};
export const f16: Encoding = {
  bits: (value) => {
    const wide = float32.bits(value);
    return value === 0
      ? 0
      : ((wide >>> 16) & 0x8000) | ((((wide >>> 23) & 0xff) - 112) << 10) | ((wide >>> 13) & 0x3ff);
  },
  value: (bits) => {
    const size = ((bits & 0x3ff) / 1024 + 1) * 2 ** (((bits >> 10) & 31) - 15);
    return (bits & 0x7fff) === 0 ? 0 : bits & 0x8000 ? -size : size;
  },
};
