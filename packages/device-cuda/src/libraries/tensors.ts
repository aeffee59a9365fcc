/**
 * Tensors as cuDNN describes them, by lengths and strides, and indices of a kernel that walk one. Owns the joining of groups and channels, and the check that elements
 * do not meet; read `convolution.ts` next.
 */
import type { Expression } from '@torchlet/device';
import { apply, axis, int } from '../kernels/split.js';
import { product } from '../kernels/threads.js';
import type { Digit } from './digits.js';

/** Lengths and, in elements, strides of a tensor. */
export interface TensorLayout {
  readonly lengths: readonly number[];
  readonly strides: readonly number[];
}

/** A digit, and the stride that it has in the result. */
export interface Placed {
  readonly digit: Digit;
  readonly stride: number;
}

/** Strides of elements one behind the other. */
export function packed(lengths: readonly number[]): number[] {
  return lengths.map((_, i) => product(lengths.slice(i + 1)));
}

/** Batch, groups, channels of a group and dims as a tensor, where groups and channels are one dim; null where elements would meet. */
export function tensorOf(given: readonly number[], steps: readonly number[]): TensorLayout | null {
  const [batch, groups, channels, ...dims] = given as [number, number, number, ...number[]];
  const [batchStep, groupStep, channelStep, ...dimSteps] = steps as [number, number, number, ...number[]];
  if (groups > 1 && channels > 1 && groupStep !== channelStep * channels) return null;
  const lengths = [batch, groups * channels, ...dims];
  const strides = [batchStep, channels > 1 ? channelStep : groupStep, ...dimSteps];
  const walked = strides
    .flatMap((stride, i) => (lengths[i] === 1 ? [] : [{ stride, length: lengths[i] as number }]))
    .sort((x, y) => x.stride - y.stride);
  let extent = 1;
  for (const { stride, length } of walked) {
    if (stride < extent) return null;
    extent += stride * (length - 1);
  }
  // A dim of one element is never stepped along; it is given the step of a whole tensor.
  for (let i = lengths.length - 1; i >= 0; i--)
    if (lengths[i] === 1)
      strides[i] = i + 1 < lengths.length ? (strides[i + 1] as number) * (lengths[i + 1] as number) : 1;
  return { lengths, strides };
}

/** Elements that a tensor of this layout spans. */
export function spanOf({ lengths, strides }: TensorLayout): number {
  return lengths.reduce((sum, length, i) => sum + (length - 1) * (strides[i] as number), 1);
}

/** The element that a point of the kernel has in what is placed. */
export function indexOf(placed: readonly Placed[]): Expression {
  return placed.reduce<Expression>((sum, { digit, stride }, i) => {
    const quotient = digit.divisor === 1 ? axis(digit.axis) : apply('idiv', [axis(digit.axis), int(digit.divisor)]);
    const step = apply('mul', [apply('mod', [quotient, int(digit.length)]), int(stride)]);
    return i === 0 ? step : apply('add', [sum, step]);
  }, int(0));
}
