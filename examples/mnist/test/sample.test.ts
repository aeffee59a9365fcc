/**
 * The sample digits: complete, labelled, and the very images of MNIST.
 */
import { type ImageDataset, toTensor } from '@torchlet/data';
import { MNIST } from '@torchlet/data/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { drawDigits } from '../digits.js';
import { loadSampleDigits } from '../sample.js';

let sample: ImageDataset;

beforeAll(async () => {
  sample = await loadSampleDigits(toTensor);
}, 60_000);

describe('the sample', () => {
  it('has 10,000 digits, grouped by class', async () => {
    const labels = Array.from(await sample.labels.data(), Number);
    const counts = Array.from({ length: 10 }, (_, digit) => labels.filter((label) => label === digit).length);
    expect(counts).toEqual([1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]);
    expect(labels).toEqual([...labels].sort());
    expect([sample.length, sample.images.shape]).toEqual([10_000, [10_000, 28, 28]]);
  });

  it.skipIf(process.env.TORCHLET_DATA === undefined)('is the first of MNIST, to the byte (TORCHLET_DATA)', async () => {
    const originals = await MNIST.load({ download: false });
    const labels = Array.from(await originals.labels.data(), Number).slice(0, 10_000);
    const pixels = (await originals.images.data()) as Uint8Array;
    const image = (index: number) => pixels.subarray(index * 784, (index + 1) * 784);
    const order = [...labels.keys()].sort((a, b) => (labels[a] as number) - (labels[b] as number));
    expect(Buffer.concat(order.map(image)).equals((await sample.images.data()) as Uint8Array)).toBe(true);
  });

  it('can be looked at', async () => {
    const [captions, ...lines] = (await drawDigits(sample, 2)).split('\n');
    expect(captions).toMatch(/^0 {28}4$/);
    expect(lines).toHaveLength(14);
    expect(lines.join('')).toMatch(/[@%]/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(57);
  });
});
