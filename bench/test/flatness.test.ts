import { expect, test } from 'vitest';
import { growth, type Sample, type Soaked } from '../flatness.js';

const warm: Sample = { step: 1000, bytes: 4096, buffers: 3, heapUsed: 100, rss: 1000 };

function soaked(last: Partial<Sample>, rest: Partial<Soaked> = {}): Soaked {
  return { warm, between: [], last: { ...warm, step: 10_000, ...last }, loss: 0.3, ...rest };
}

test('equal device memory and under 5 % of growth is flat', () => {
  expect(growth(soaked({ heapUsed: 104, rss: 1049 }))).toEqual([]);
  expect(growth(soaked({ heapUsed: 50, rss: 500 }))).toEqual([]);
});

test('one byte or buffer more, or less, is not', () => {
  expect(growth(soaked({ bytes: 4097 }))).toEqual(['device bytes: 4096 at step 1000, 4097 at step 10000']);
  expect(growth(soaked({ buffers: 2 }))).toHaveLength(1);
});

test('nor is more between', () => {
  const between = [
    { step: 2000, bytes: 4096, buffers: 2 },
    { step: 3000, bytes: 4096, buffers: 4 },
  ];
  expect(growth(soaked({}, { between }))).toEqual(['device buffers: 3 at step 1000, 4 at step 3000']);
});

test('nor is a heap or a resident size that grows by 5 %', () => {
  expect(growth(soaked({ heapUsed: 105, rss: 1050 }))).toEqual([
    'heapUsed: grew by 5.0 % from step 1000 to step 10000',
    'rss: grew by 5.0 % from step 1000 to step 10000',
  ]);
});

test('where the process is not ours, its resident size does not count', () => {
  expect(growth(soaked({ rss: null }, { warm: { ...warm, rss: null } }))).toEqual([]);
});

test('a loss that is no number is told', () => {
  expect(growth(soaked({}, { loss: Number.NaN }))).toEqual(['the loss at the last step is NaN']);
});
