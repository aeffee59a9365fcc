/** The arena: what lives at one time never overlaps, holes are used again, segments keep to their limit. */
import { expect, test } from 'vitest';
import { type Lifetime, planArena } from '../src/memory/arena.js';
import { Random } from './random-graph.js';

const alignment = 64;

function check(lifetimes: readonly Lifetime[], limit: number): readonly number[] {
  const { addresses, segments } = planArena(lifetimes, alignment, limit);
  lifetimes.forEach((a, i) => {
    const place = addresses[i] as (typeof addresses)[number];
    expect(place.offset % alignment).toBe(0);
    expect(place.offset + a.bytes).toBeLessThanOrEqual(segments[place.segment] as number);
    lifetimes.slice(0, i).forEach((b, j) => {
      const other = addresses[j] as (typeof addresses)[number];
      const apart =
        a.last < b.first ||
        b.last < a.first ||
        place.segment !== other.segment ||
        place.offset + a.bytes <= other.offset ||
        other.offset + b.bytes <= place.offset;
      expect(apart).toBe(true);
    });
  });
  for (const bytes of segments) expect(bytes).toBeLessThanOrEqual(limit);
  return segments;
}

test('random lifetimes', () => {
  const random = new Random(5);
  for (let round = 0; round < 100; round++) {
    const lifetimes = Array.from({ length: 1 + random.below(40) }, () => {
      const first = random.below(30);
      return { bytes: 1 + random.below(1000), first, last: first + random.below(6) };
    });
    check(lifetimes, random.below(2) === 0 ? 1024 : 2 ** 20);
  }
});

test('a chain needs two places', () => {
  const lifetimes = Array.from({ length: 50 }, (_, i) => ({ bytes: 640, first: i, last: i + 1 }));
  expect(check(lifetimes, 2 ** 20)).toEqual([1280]);
});

test('neighbouring holes become one', () => {
  const lifetimes = [
    { bytes: 64, first: 0, last: 1 },
    { bytes: 64, first: 0, last: 1 },
    { bytes: 64, first: 0, last: 2 },
    { bytes: 128, first: 2, last: 3 },
  ];
  expect(check(lifetimes, 2 ** 20)).toEqual([192]);
});

test('what is larger than a segment has one of its own, which the device refuses by name', () => {
  const lifetimes = [
    { bytes: 2000, first: 0, last: 0 },
    { bytes: 64, first: 0, last: 0 },
    { bytes: 64, first: 1, last: 1 },
  ];
  expect(planArena(lifetimes, alignment, 1024).segments).toEqual([2048, 64]);
});
