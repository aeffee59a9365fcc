/**
 * The 10,000 digits that come with the page. Owns unpacking the asset that `../../sample-asset.ts` packs.
 */

import { hostTensor, ImageDataset, toTensor } from '@torchlet/data';
import { gunzip } from './gzip.js';

const pixelsOfOne = 28 * 28;
const classes = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/** @throws Error if the asset can't be had, or is not what was packed. */
export async function loadSample(url: string, signal: AbortSignal): Promise<ImageDataset> {
  const response = await fetch(url, { signal });
  if (!response.ok) {
    throw new Error(`the sample digits: ${url} answered with HTTP ${response.status}; build the page again`);
  }
  return unpackSample(await gunzip(new Uint8Array(await response.arrayBuffer())));
}

/** @param bytes all labels, then all images. */
export function unpackSample(bytes: Uint8Array): ImageDataset {
  const count = bytes.length / (1 + pixelsOfOne);
  return new ImageDataset(
    hostTensor(bytes.subarray(count), [count, 28, 28], 'uint8'),
    hostTensor(bytes.subarray(0, count), [count], 'uint8'),
    { transform: toTensor, classes },
  );
}
