/**
 * Transforms, on one image and on a batch at once: both must agree.
 */
import { describe, expect, it } from 'vitest';
import {
  compose,
  type HostTensor,
  hostTensor,
  normalize,
  type Transform,
  toTensor,
  transformBatch,
} from '../src/index.js';

const images = hostTensor(
  Uint8Array.from({ length: 2 * 3 * 2 * 2 }, (_, i) => (i * 37) % 256),
  [2, 3, 2, 2],
  'uint8',
);

function imageOf(batch: HostTensor, index: number): HostTensor {
  const [, ...shape] = batch.shape;
  const size = shape.reduce((a, b) => a * b, 1);
  return { ...batch, shape, data: batch.data.slice(index * size, (index + 1) * size) };
}

const flipped: Transform = (image) => ({ ...image, data: image.data.slice().reverse() });

describe('toTensor', () => {
  it('divides every byte by 255, rounded to float32', () => {
    const bytes = hostTensor(
      Uint8Array.from({ length: 256 }, (_, i) => i),
      [1, 16, 16],
      'uint8',
    );
    expect(toTensor(bytes)).toEqual({
      dtype: 'float32',
      shape: [1, 16, 16],
      data: Float32Array.from({ length: 256 }, (_, i) => i / 255),
    });
  });

  it('takes images of any size', () => {
    for (const length of [0, 1, 3, 5]) {
      const bytes = hostTensor(
        Uint8Array.from({ length }, (_, i) => 255 - i),
        [1, 1, length],
        'uint8',
      );
      expect(toTensor(bytes).data).toEqual(Float32Array.from({ length }, (_, i) => (255 - i) / 255));
    }
  });

  it('leaves float32 as it is and refuses what is no image', () => {
    const float = hostTensor(Float32Array.of(3), [1, 1, 1], 'float32');
    expect(toTensor(float)).toBe(float);
    expect(() => toTensor(hostTensor(Int32Array.of(3), [1], 'int32'))).toThrow(/expected uint8 or float32, got int32/);
  });
});

describe('normalize', () => {
  it('takes each channel by its own mean and deviation', () => {
    const image = hostTensor(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 1, 2], 'float32');
    expect(normalize([1, 2, 3], [1, 2, 4])(image).data).toEqual(Float32Array.of(0, 1, 0.5, 1, 0.5, 0.75));
    expect(normalize(1, 2)(image).data).toEqual(Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5));
    expect(image.data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
  });

  it('refuses bytes, other numbers of channels, and a deviation of 0', () => {
    expect(() => normalize(0.5, 0.5)(images)).toThrow(/expected a float32 image, got uint8; put toTensor before it/);
    expect(() => normalize([0, 0], [1, 1])(toTensor(images))).toThrow(
      /expected 1 or 3 values of mean for 3 channels, got 2/,
    );
    expect(() => normalize(0, [1, 0])).toThrow(/divide by zero/);
  });
});

describe('a batch', () => {
  const scaled = compose(toTensor, normalize([0.1, 0.2, 0.3], [0.5, 0.6, 0.7]));

  it.each<[name: string, transform: Transform, batched: boolean]>([
    ['toTensor', toTensor, true],
    ['toTensor and normalize', scaled, true],
    ['a function of its own', flipped, false],
    ['a composition with one', compose(flipped, toTensor), false],
  ])('%s gives what each image alone gives', (_name, transform, batched) => {
    expect(transform.batched === true).toBe(batched);
    const whole = transformBatch(transform, images);
    for (const index of [0, 1]) {
      expect(imageOf(whole, index)).toEqual(transform(imageOf(images, index)));
    }
  });

  it('refuses images that come out different', () => {
    const uneven: Transform = (image) =>
      image.data[0] === 0 ? image : { ...image, shape: [1, 2, 2], data: image.data.slice(0, 4) };
    expect(() => transformBatch(uneven, images)).toThrow(/must agree, got uint8 \[3, 2, 2\] and uint8 \[1, 2, 2\]/);
  });

  it('may be empty', () => {
    const none = hostTensor(new Uint8Array(0), [0, 1, 2, 2], 'uint8');
    expect(transformBatch(toTensor, none)).toEqual(hostTensor(new Float32Array(0), [0, 1, 2, 2], 'float32'));
  });
});
