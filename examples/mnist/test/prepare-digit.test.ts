/**
 * Drawings as MNIST would hold them: size, place, proportions, and MNIST's own digits as the measure.
 */
import { toTensor } from '@torchlet/data';
import { describe, expect, it } from 'vitest';
import { prepareDigit } from '../browser/page/prepare-digit.js';
import { loadSampleDigits } from '../sample.js';

/** A drawing with ink in one rectangle. */
function rectangle(side: number, left: number, top: number, width: number, height: number): Uint8Array {
  return Uint8Array.from({ length: side * side }, (_, index) => {
    const [x, y] = [index % side, Math.floor(index / side)];
    return x >= left && x < left + width && y >= top && y < top + height ? 255 : 0;
  });
}

/** The rows and columns that have ink, first and last. */
function edges(digit: Uint8Array): { rows: [number, number]; columns: [number, number] } {
  const inked = [...digit.keys()].filter((index) => (digit[index] ?? 0) > 0);
  const span = (values: number[]): [number, number] => [Math.min(...values), Math.max(...values)];
  return { rows: span(inked.map((index) => Math.floor(index / 28))), columns: span(inked.map((index) => index % 28)) };
}

describe('prepareDigit', () => {
  it('finds nothing in an empty drawing', () => {
    expect(prepareDigit(new Uint8Array(280 * 280), 280)).toBeNull();
  });

  it.each([
    ['tall, in a corner', rectangle(280, 0, 0, 50, 200), { rows: [5, 24], columns: [12, 16] }],
    ['wide, low', rectangle(280, 100, 240, 160, 40), { rows: [12, 16], columns: [5, 24] }],
    ['small', rectangle(280, 70, 90, 20, 20), { rows: [5, 24], columns: [5, 24] }],
    ['larger than the field', rectangle(56, 0, 0, 56, 56), { rows: [5, 24], columns: [5, 24] }],
  ])('scales it to 20 pixels and centres it: %s', (_, drawing, expected) => {
    const digit = prepareDigit(drawing, Math.sqrt(drawing.length)) ?? new Uint8Array();
    expect(digit).toHaveLength(28 * 28);
    expect(edges(digit)).toEqual(expected);
    expect(Math.max(...digit)).toBe(255);
  });

  it('centres the mass of the ink, not its edges', () => {
    const heavyLeft = rectangle(280, 40, 40, 60, 200);
    const thinRight = rectangle(280, 100, 135, 60, 10);
    const digit = prepareDigit(
      heavyLeft.map((ink, index) => Math.max(ink, thinRight[index] ?? 0)),
      280,
    );
    // The heavy part is 6 pixels wide, and nearly all of the mass.
    expect(edges(digit ?? new Uint8Array()).columns).toEqual([11, 22]);
  });

  it('leaves the digits of MNIST as they are', async () => {
    const digits = await loadSampleDigits(toTensor);
    const pixels = (await digits.images.data()) as Uint8Array;
    const images = Array.from({ length: 100 }, (_, index) => pixels.slice(index * 78_400, index * 78_400 + 784));
    const same = images.filter((image) => Buffer.from(prepareDigit(image, 28) ?? []).equals(image));
    // A centre between two pixels may be rounded either way.
    expect(same.length).toBeGreaterThanOrEqual(95);
  });
});
