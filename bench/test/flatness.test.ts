import { expect, test } from 'vitest';
import { growth, type Sample } from '../flatness.js';

const warm: Sample = { step: 1000, bytes: 4096, buffers: 3, heapUsed: 100, rss: 1000 };

test('equal device memory and under 5 % of growth is flat', () => {
  expect(growth(warm, { ...warm, step: 10_000, heapUsed: 104, rss: 1049 })).toEqual([]);
  expect(growth(warm, { ...warm, step: 10_000, heapUsed: 50, rss: 500 })).toEqual([]);
});

test('one byte or buffer more, or less, is not', () => {
  expect(growth(warm, { ...warm, step: 10_000, bytes: 4097 })).toEqual([
    'device bytes: 4096 at step 1000, 4097 at step 10000',
  ]);
  expect(growth(warm, { ...warm, buffers: 2 })).toHaveLength(1);
});

test('nor is a heap or a resident size that grows by 5 %', () => {
  expect(growth(warm, { ...warm, step: 10_000, heapUsed: 105, rss: 1050 })).toEqual([
    'heapUsed: grew by 5.0 % from step 1000 to step 10000',
    'rss: grew by 5.0 % from step 1000 to step 10000',
  ]);
});
