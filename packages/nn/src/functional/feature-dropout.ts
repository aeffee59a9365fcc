/** Dropout of whole channels, and the one that keeps means and variances of self-normalising networks. The plain one is `dropout.ts`. */
import { composed, type Generator, rand, type Tensor } from '@torchlet/tensor';
import { checkProbability, type DropoutOptions } from './dropout.js';
import { printShape } from './shapes.js';

/** -scale * alpha of `selu`: what a dropped element becomes. */
const saturated = -1.7580993408473766;

/** 1 where an element is kept: one draw for each position of the first `dims` dims. */
function keptIn(input: Tensor, dims: number, p: number, generator: Generator | undefined): Tensor {
  const shape = input.shape.map((length, dim) => (dim < dims ? length : 1));
  return rand(shape, { generator, device: input.runtime?.device }).ge(p).to(input.dtype);
}

function channelDropout(op: string, rank: number, input: Tensor, options: DropoutOptions): Tensor {
  const { p = 0.5, training = true, generator } = options;
  checkProbability(op, p);
  const outer = input.ndim - rank;
  if (outer !== 1 && outer !== 2) {
    throw new RangeError(`${op}: expected an input of ${rank + 1} or ${rank + 2} dims, got ${printShape(input.shape)}`);
  }
  if (!training || p === 0) return input;
  return composed(() => input.mul(keptIn(input, outer, p, generator).mul(p === 1 ? 0 : 1 / (1 - p))));
}

/** Zeroes whole channels of [n, channels, length] (https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout1d.html). */
export const dropout1d = (input: Tensor, options: DropoutOptions = {}): Tensor =>
  channelDropout('dropout1d', 1, input, options);

/** Zeroes whole channels of [n, channels, height, width] (Tompson et al. 2015, https://arxiv.org/abs/1411.4280). */
export const dropout2d = (input: Tensor, options: DropoutOptions = {}): Tensor =>
  channelDropout('dropout2d', 2, input, options);

/** Zeroes whole channels of [n, channels, depth, height, width]. */
export const dropout3d = (input: Tensor, options: DropoutOptions = {}): Tensor =>
  channelDropout('dropout3d', 3, input, options);

/** Dropout after `selu`: mean and variance stay what they are (Klambauer et al. 2017, https://arxiv.org/abs/1706.02515). */
export function alphaDropout(input: Tensor, { p = 0.5, training = true, generator }: DropoutOptions = {}): Tensor {
  checkProbability('alphaDropout', p);
  if (!training || p === 0) return input;
  return composed(() => {
    if (p === 1) return input.mul(0);
    const kept = keptIn(input, input.ndim, p, generator);
    const scale = 1 / Math.sqrt((1 - p) * (1 + p * saturated ** 2));
    const dropped = kept.neg().add(1).mul(saturated);
    return input
      .mul(kept)
      .add(dropped)
      .mul(scale)
      .sub(scale * saturated * p);
  });
}
