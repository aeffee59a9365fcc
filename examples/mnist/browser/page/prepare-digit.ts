/**
 * A drawing as MNIST would hold it: scaled into 20 by 20 pixels with its proportions kept, then moved by whole pixels so that its centre of
 * mass is in the middle of 28 by 28. Owns that computation; drawing is `digit-pad.ts`.
 *
 * Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
 */

const size = 28;
const box = 20;
/** Where MNIST has the centre of mass, as its images show: in the middle of the pixel with the index 14. */
const middle = 14.5;

/**
 * @param ink 0 to 255 for each pixel of the drawing, row by row.
 * @returns 28 by 28 bytes, or null where nothing is drawn.
 */
export function prepareDigit(ink: Uint8Array | Uint8ClampedArray, width: number): Uint8Array<ArrayBuffer> | null {
  const drawn = measure(ink, width);
  if (drawn === null) {
    return null;
  }
  const { left, right, top, bottom, centreX, centreY } = drawn;
  // Of one pixel of the result, in pixels of the drawing.
  const step = Math.max(right - left, bottom - top) / box;
  const originX = left - Math.round(middle - (centreX - left) / step) * step;
  const originY = top - Math.round(middle - (centreY - top) / step) * step;
  return Uint8Array.from({ length: size * size }, (_, index) => {
    const x = originX + (index % size) * step;
    const y = originY + Math.floor(index / size) * step;
    return Math.round(meanInk(ink, width, x, y, step));
  });
}

interface Drawn {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly centreX: number;
  readonly centreY: number;
}

/** Where the ink is, its edges and its centre of mass. */
function measure(ink: ArrayLike<number>, width: number): Drawn | null {
  let [left, right, top, bottom] = [Number.POSITIVE_INFINITY, 0, Number.POSITIVE_INFINITY, 0];
  let [mass, momentX, momentY] = [0, 0, 0];
  for (let index = 0; index < ink.length; index++) {
    const value = ink[index] ?? 0;
    if (value === 0) {
      continue;
    }
    const x = index % width;
    const y = Math.floor(index / width);
    left = Math.min(left, x);
    right = Math.max(right, x + 1);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
    mass += value;
    momentX += value * (x + 0.5);
    momentY += value * (y + 0.5);
  }
  return mass === 0 ? null : { left, right, top, bottom, centreX: momentX / mass, centreY: momentY / mass };
}

/** The mean over a square, whose edges may cut through pixels; outside of the drawing there is no ink. */
function meanInk(ink: ArrayLike<number>, width: number, x: number, y: number, side: number): number {
  const height = ink.length / width;
  let sum = 0;
  for (let row = Math.max(0, Math.floor(y)); row < Math.min(height, y + side); row++) {
    const rowShare = Math.min(row + 1, y + side) - Math.max(row, y);
    for (let column = Math.max(0, Math.floor(x)); column < Math.min(width, x + side); column++) {
      const columnShare = Math.min(column + 1, x + side) - Math.max(column, x);
      sum += (ink[row * width + column] ?? 0) * rowShare * columnShare;
    }
  }
  return sum / (side * side);
}
