/** A few of the sample digits, for trainings that are to be short. */
import { hostTensor, ImageDataset, toTensor } from '@torchlet/data';
import { loadSampleDigits } from '../sample.js';

/** 660 digits: every fifteenth of the sample. */
export async function fewDigits(): Promise<ImageDataset> {
  const sample = await loadSampleDigits(toTensor);
  const bytes = (await sample.images.data()) as Uint8Array;
  const chosen = Array.from({ length: 660 }, (_, index) => index * 15);
  const images = Buffer.concat(chosen.map((index) => bytes.subarray(index * 784, (index + 1) * 784)));
  return new ImageDataset(
    hostTensor(new Uint8Array(images), [660, 28, 28], 'uint8'),
    hostTensor(
      Uint8Array.from(chosen, (index) => sample.get(index)[1]),
      [660],
      'uint8',
    ),
    { transform: toTensor, classes: sample.classes },
  );
}
