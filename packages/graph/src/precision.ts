/** How exact products of float32 have to be: a mode that `matmul` records in its node. Owns the mode; a device that has nothing faster ignores it. */

/** `highest`: float32. `high`: factors may be rounded to 10 bits of fraction (TF32), sums are float32. */
export type MatmulPrecision = 'highest' | 'high';

let precision: MatmulPrecision = 'highest';

export function getFloat32MatmulPrecision(): MatmulPrecision {
  return precision;
}

/**
 * Sets how exact products of float32 have to be that are recorded from now on (torch.set_float32_matmul_precision). `high` is faster on devices with
 * tensor cores, and changes nothing elsewhere. Default `highest`.
 *
 * @throws RangeError for another word.
 */
export function setFloat32MatmulPrecision(wanted: MatmulPrecision): void {
  if (wanted !== 'highest' && wanted !== 'high') {
    throw new RangeError(`setFloat32MatmulPrecision: expected highest or high, got ${String(wanted)}`);
  }
  precision = wanted;
}
