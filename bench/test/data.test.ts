import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { normalNumbers, readDigits } from '../children/input-files.js';
import { accuracyOf, Digits, initialWeights, oneHot } from '../children/shared-inputs.js';
import { sharedInputs } from '../data.js';

const folder = mkdtempSync(path.join(tmpdir(), 'torchlet-bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('the inputs are the same bytes everywhere', { timeout: 60_000 }, () => {
  expect(sharedInputs(undefined, folder)).toBe(folder);
  const digest = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(path.join(folder, name)))
      .digest('hex')
      .slice(0, 16);
  expect({ x: digest('x.f32'), y: digest('y.u8'), perm: digest('perm.i32') }).toEqual({
    x: 'da928693c8021679',
    y: '98c23508f5c6f018',
    perm: '418c3fce74f8377b',
  });
  const first = new Float32Array(readFileSync(path.join(folder, 'randn.f32')).buffer, 0, 2);
  expect([...first]).toEqual([1.549242615699768, 0.3839261829853058]);
});

test('PEERS_DIR without data is as good as none', () => {
  expect(sharedInputs(path.join(folder, 'nothing'), folder)).toBe(folder);
});

test('a batch holds the rows that the order names', () => {
  const digits = new Digits(readDigits(folder), 8000);
  const images = new Float32Array(readFileSync(path.join(folder, 'x.f32')).buffer);
  const order = new Int32Array(readFileSync(path.join(folder, 'perm.i32')).buffer);
  const labels = readFileSync(path.join(folder, 'y.u8'));
  const batch = digits.batch(1, 2, 100);
  const source = order[8000 + 200 + 3] ?? -1;
  expect(batch.images.subarray(3 * 784, 4 * 784)).toEqual(images.subarray(source * 784, (source + 1) * 784));
  expect(batch.labels[3]).toBe(labels[source]);
  expect(batch.images).toHaveLength(78_400);
  expect(digits.heldOut.labels).toHaveLength(2000);
});

test('weights are cut one after another and scaled by the inputs', () => {
  const [first, second] = initialWeights(normalNumbers(folder), [4, 9, 2]);
  const normals = new Float32Array(readFileSync(path.join(folder, 'randn.f32')).buffer, 0, 54);
  expect(first?.weight[0]).toBe(Math.fround((normals[0] ?? 0) / 2));
  expect(second?.weight[0]).toBeCloseTo((normals[36] ?? 0) / 3, 6);
  expect(second).toMatchObject({ inputs: 9, outputs: 2 });
});

test('accuracy counts the rows whose largest score is the label', () => {
  const labels = new Uint8Array([3, 0]);
  expect([...oneHot(labels)].flatMap((value, index) => (value === 1 ? [index] : []))).toEqual([3, 10]);
  expect(accuracyOf(oneHot(labels), labels)).toBe(1);
  expect(accuracyOf(oneHot(new Uint8Array([3, 1])), labels)).toBe(0.5);
});
