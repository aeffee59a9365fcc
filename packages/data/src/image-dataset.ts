/**
 * Labelled images kept as bytes, transformed as they are asked for, one by one or a batch in one pass. Owns the dataset; MNIST and
 * FashionMNIST are this with their files (`mnist.node.ts`), and a page can make one of bytes it fetched.
 */

import type { Tensor } from '@torchlet/tensor';
import { checkIndex, type Dataset } from './dataset.js';
import { type HostTensor, sizeOf } from './host-tensor.js';
import { parseIdx } from './idx.js';
import { tensorFrom } from './tensor-from.js';
import { type Transform, transformBatch } from './transforms.js';

export interface ImageDatasetOptions {
  /** Applied to each image `[C, H, W]`; without one, samples are the bytes themselves. */
  readonly transform?: Transform;
  /** The name of each label. */
  readonly classes?: readonly string[];
}

/**
 * Images with a number each.
 *
 * @example
 * const dataset = ImageDataset.fromIdx(imageBytes, labelBytes, { transform: toTensor });
 * const [image, label] = dataset.get(0); // float32 [1, 28, 28], 5
 */
export class ImageDataset implements Dataset<[image: Tensor, label: number], [images: Tensor, labels: Tensor]> {
  readonly length: number;
  readonly classes: readonly string[];
  readonly transform: Transform | undefined;
  readonly #pixels: Uint8Array;
  readonly #labels: Uint8Array;
  /** Of all images as published: without channels where they are grey. */
  readonly #published: readonly number[];
  /** Of one image, `[C, H, W]`. */
  readonly #shape: readonly number[];
  #images: Tensor | undefined;
  #labelTensor: Tensor | undefined;

  /**
   * @param images uint8 `[n, H, W]` or `[n, C, H, W]`; not copied, and not to be written to afterwards.
   * @param labels uint8 `[n]`.
   * @throws TypeError for other dtypes; RangeError for other shapes.
   */
  constructor(images: HostTensor, labels: HostTensor, { transform, classes = [] }: ImageDatasetOptions = {}) {
    if (images.dtype !== 'uint8' || labels.dtype !== 'uint8') {
      throw new TypeError(`ImageDataset: expected uint8 images and labels, got ${images.dtype} and ${labels.dtype}`);
    }
    const [n = 0, ...shape] = images.shape;
    if ((shape.length !== 2 && shape.length !== 3) || labels.shape.length !== 1 || labels.shape[0] !== n) {
      throw new RangeError(
        `ImageDataset: expected images [n, H, W] or [n, C, H, W] and labels [n], got [${images.shape.join(', ')}] and [${labels.shape.join(', ')}]`,
      );
    }
    this.length = n;
    this.classes = classes;
    this.transform = transform;
    this.#pixels = images.data as Uint8Array;
    this.#labels = labels.data as Uint8Array;
    this.#published = images.shape;
    this.#shape = shape.length === 2 ? [1, ...shape] : shape;
  }

  /**
   * From two IDX files, unpacked.
   *
   * @throws FormatError if they are not IDX or are truncated; as the constructor if they are not images and labels.
   */
  static fromIdx(images: Uint8Array, labels: Uint8Array, options: ImageDatasetOptions = {}): ImageDataset {
    return new ImageDataset(parseIdx(images, 'images'), parseIdx(labels, 'labels'), options);
  }

  /** All images as they were published, uint8 `[n, H, W]` or `[n, C, H, W]`, untransformed: torchvision's `data`. */
  get images(): Tensor {
    this.#images ??= tensorFrom({ dtype: 'uint8', shape: this.#published, data: this.#pixels });
    return this.#images;
  }

  /** All labels, int64 `[n]`: torchvision's `targets`. */
  get labels(): Tensor {
    this.#labelTensor ??= tensorFrom({
      dtype: 'int64',
      shape: [this.length],
      data: BigInt64Array.from(this.#labels, BigInt),
    });
    return this.#labelTensor;
  }

  /**
   * One image after the transform (uint8 `[C, H, W]` without one), and its label.
   *
   * @throws RangeError for an index outside [0, length).
   */
  get(index: number): [image: Tensor, label: number] {
    checkIndex('ImageDataset', index, this.length);
    const image = { dtype: 'uint8', shape: this.#shape, data: this.#gather([index]) } as const;
    return [tensorFrom(this.transform?.(image) ?? image), this.#labels[index] as number];
  }

  /**
   * The images `[k, C, H, W]` after the transform, and their labels, int64 `[k]`: the same as `get` for each, in one pass.
   *
   * @throws RangeError for an index outside [0, length).
   */
  batch(indices: readonly number[]): [images: Tensor, labels: Tensor] {
    for (const index of indices) {
      checkIndex('ImageDataset', index, this.length);
    }
    const raw = { dtype: 'uint8', shape: [indices.length, ...this.#shape], data: this.#gather(indices) } as const;
    const labels = BigInt64Array.from(indices, (index) => BigInt(this.#labels[index] as number));
    return [
      tensorFrom(this.transform === undefined ? raw : transformBatch(this.transform, raw)),
      tensorFrom({ dtype: 'int64', shape: [indices.length], data: labels }),
    ];
  }

  /** The bytes of these images, in fresh memory. */
  #gather(indices: readonly number[]): Uint8Array {
    const size = sizeOf(this.#shape);
    const bytes = new Uint8Array(indices.length * size);
    for (const [to, from] of indices.entries()) {
      bytes.set(this.#pixels.subarray(from * size, (from + 1) * size), to * size);
    }
    return bytes;
  }
}
