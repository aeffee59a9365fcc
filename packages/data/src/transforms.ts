/**
 * Transforms of images on the host, between a dataset's bytes and the tensor a model sees. Owns `toTensor`, `normalize` and their
 * composition; images are channels first, `[C, H, W]`. Read `image-dataset.ts` for where they are applied.
 */

import { dtypes } from '@torchlet/tensor';
import { type HostTensor, sizeOf } from './host-tensor.js';

/** Takes an image `[C, H, W]` and gives what should stand in its place. It must not write into what it is given. */
export interface Transform {
  (image: HostTensor): HostTensor;
  /** Present where a whole batch `[n, C, H, W]` may be given, with the same result for each image as alone. */
  readonly batched?: true;
}

/**
 * Bytes 0 to 255 as float32 in [0, 1]; float32 stays as it is. The shape stays.
 *
 * @throws TypeError for any other dtype.
 * @see torchvision's `ToTensor`
 * @example
 * const digits = await MNIST.load({ train: true, transform: toTensor });
 */
export const toTensor: Transform = /* @__PURE__ */ batched((image) => {
  if (image.dtype === 'float32') {
    return image;
  }
  if (image.dtype !== 'uint8') {
    throw new TypeError(`toTensor: expected uint8 or float32, got ${image.dtype}`);
  }
  return { dtype: 'float32', shape: image.shape, data: fractions(image.data as Uint8Array) };
});

const fractionOf = /* @__PURE__ */ Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/** Each byte divided by 255. */
function fractions(bytes: Uint8Array): Float32Array {
  const data = new Float32Array(bytes.length);
  // Every training step waits for this: looking up four a turn takes 58 us for 100 digits, dividing one a turn 98.
  const turns = bytes.length - (bytes.length % 4);
  for (let i = 0; i < turns; i += 4) {
    data[i] = fractionOf[bytes[i] as number] as number;
    data[i + 1] = fractionOf[bytes[i + 1] as number] as number;
    data[i + 2] = fractionOf[bytes[i + 2] as number] as number;
    data[i + 3] = fractionOf[bytes[i + 3] as number] as number;
  }
  for (let i = turns; i < bytes.length; i++) {
    data[i] = fractionOf[bytes[i] as number] as number;
  }
  return data;
}

/**
 * Float images less their mean, divided by their standard deviation, channel by channel.
 *
 * @param mean one number for all channels, or one for each.
 * @param std as `mean`; not 0.
 * @throws RangeError if `std` has a 0, or the image has another number of channels; TypeError if the image is not float32.
 * @see torchvision's `Normalize`
 * @example
 * compose(toTensor, normalize(0.1307, 0.3081));
 */
export function normalize(mean: number | readonly number[], std: number | readonly number[]): Transform {
  const means = [mean].flat();
  const stds = [std].flat();
  if (stds.includes(0)) {
    throw new RangeError('normalize: a standard deviation of 0 would divide by zero');
  }
  return batched((image) => {
    if (image.dtype !== 'float32') {
      throw new TypeError(`normalize: expected a float32 image, got ${image.dtype}; put toTensor before it`);
    }
    const channels = image.shape.at(-3) ?? 1;
    const meanOf = perChannel('mean', means, channels);
    const stdOf = perChannel('std', stds, channels);
    const plane = sizeOf(image.shape.slice(-2));
    const data = Float32Array.from(image.data as Float32Array);
    for (let start = 0; start < data.length; start += plane) {
      const channel = (start / plane) % channels;
      const m = meanOf(channel);
      const s = stdOf(channel);
      for (let i = start; i < start + plane; i++) {
        data[i] = ((data[i] as number) - m) / s;
      }
    }
    return { dtype: 'float32', shape: image.shape, data };
  });
}

/** One transform after the other. */
export function compose(...transforms: readonly Transform[]): Transform {
  const composed = (image: HostTensor) => transforms.reduce((result, transform) => transform(result), image);
  return transforms.every((transform) => transform.batched) ? batched(composed) : composed;
}

/**
 * What `transform` makes of each image of a batch `[n, ...]`, as one batch.
 *
 * @throws RangeError if the results differ in shape or dtype, so that no batch can hold them.
 */
export function transformBatch(transform: Transform, images: HostTensor): HostTensor {
  if (transform.batched) {
    return transform(images);
  }
  const [n = 0, ...shape] = images.shape;
  const size = sizeOf(shape);
  const results = Array.from({ length: n }, (_, i) =>
    transform({ dtype: images.dtype, shape, data: images.data.slice(i * size, (i + 1) * size) }),
  );
  const first = results[0];
  if (first === undefined) {
    return images;
  }
  const data = dtypes[first.dtype].zeros(n * first.data.length);
  for (const [i, result] of results.entries()) {
    if (result.dtype !== first.dtype || String(result.shape) !== String(first.shape)) {
      throw new RangeError(
        `transform: images of one batch must agree, got ${first.dtype} [${first.shape.join(', ')}] and ${result.dtype} [${result.shape.join(', ')}]`,
      );
    }
    // The dtypes are equal, so both are the same kind of array; TypeScript sees only the union.
    (data as Uint8Array).set(result.data as Uint8Array, i * first.data.length);
  }
  return { dtype: first.dtype, shape: [n, ...first.shape], data };
}

function batched(transform: (image: HostTensor) => HostTensor): Transform {
  return Object.assign(transform, { batched: true as const });
}

function perChannel(name: string, values: readonly number[], channels: number): (channel: number) => number {
  if (values.length !== 1 && values.length !== channels) {
    throw new RangeError(
      `normalize: expected 1 or ${channels} values of ${name} for ${channels} channels, got ${values.length}`,
    );
  }
  return (channel) => values[values.length === 1 ? 0 : channel] as number;
}
