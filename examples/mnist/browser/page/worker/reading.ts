/**
 * What a network says of digits: of one that was drawn, and of many to find its mistakes. Owns no state; it may be asked while the same
 * network trains, between two of its batches.
 */

import { type ImageDataset, tensorFrom, toTensor } from '@torchlet/data';
import { type Device, noGrad, type Tensor } from '@torchlet/tensor';
import type { MnistModel } from '../../../train.js';
import type { Mistake, Mistakes } from '../protocol.js';

const classes = 10;
/** Digits in one forward pass; always the same number, so that one program serves. */
const chunk = 500;
const mostShown = 40;

export interface Network {
  readonly model: MnistModel;
  readonly device: Device;
}

/** The probabilities of the ten digits for one image, 28 by 28 bytes. */
export async function readDigit(network: Network, pixels: Uint8Array): Promise<Float32Array> {
  const image = toTensor({ dtype: 'uint8', shape: [1, 1, 28, 28], data: pixels });
  return probabilities(network, tensorFrom(image));
}

/**
 * The first digits that are taken for others.
 *
 * @param indices which digits are looked at, in this order, until enough mistakes are found.
 */
export async function findMistakes(
  network: Network,
  digits: ImageDataset,
  indices: readonly number[],
): Promise<Mistakes> {
  const shown: Mistake[] = [];
  let seen = 0;
  for (let start = 0; start < indices.length; start += chunk) {
    const looked = indices.slice(start, start + chunk);
    const [images] = digits.batch(looked);
    const rows = await probabilities(network, images);
    for (const [position, index] of looked.entries()) {
      seen++;
      const row = rows.subarray(position * classes, (position + 1) * classes);
      const probability = Math.max(...row);
      const predicted = row.indexOf(probability);
      const [image, label] = digits.get(index);
      if (predicted === label) {
        continue;
      }
      shown.push({ pixels: await bytesOf(image), label, predicted, probability });
      if (shown.length === mostShown) {
        return { shown, seen };
      }
    }
  }
  return { shown, seen };
}

async function probabilities({ model, device }: Network, images: Tensor): Promise<Float32Array> {
  return (await noGrad(() => model.forward(images.to(device)).softmax(1)).data()) as Float32Array;
}

/** What `toTensor` was made of. */
async function bytesOf(image: Tensor): Promise<Uint8Array> {
  return Uint8Array.from((await image.data()) as Float32Array, (value) => Math.round(value * 255));
}
