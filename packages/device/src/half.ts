/** float16 and bfloat16 on the host: their bits to numbers and back, rounding to nearest even. Owns nothing else. */

const word = new DataView(new ArrayBuffer(4));

/** The number that bfloat16 `bits` stand for. */
export function bfloat16ToNumber(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

/** The bits of the bfloat16 nearest to `value`, ties to even; NaN stays a quiet NaN. */
export function numberToBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  // Rounding twice (to float32, then to bfloat16) would move ties, so the float32 keeps a sticky bit of what it lost.
  word.setFloat32(0, value);
  const single = word.getFloat32(0);
  let bits = word.getUint32(0);
  if (single !== value && Number.isFinite(single) && (bits & 1) === 0)
    bits = Math.abs(single) > Math.abs(value) ? bits - 1 : bits | 1;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The number that float16 `bits` stand for. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bits of the float16 nearest to `value`, ties to even; beyond 65,504 (by half a step) is infinity. */
export function numberToFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundTiesToEven(magnitude * 2 ** 24);
  let exponent = Math.floor(Math.log2(magnitude));
  if (2 ** exponent > magnitude) exponent--;
  if (2 ** (exponent + 1) <= magnitude) exponent++;
  const fraction = roundTiesToEven((magnitude / 2 ** exponent - 1) * 1024);
  return sign | (((exponent + 15) << 10) + fraction);
}

function roundTiesToEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest > 0.5 || (rest === 0.5 && down % 2 === 1)) return down + 1;
  return down;
}
