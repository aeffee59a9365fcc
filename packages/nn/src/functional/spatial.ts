/**
 * What convolutions, pools and resizing share: options that are one number or one for each spatial dim, a batch that may be missing, and windows over all
 * spatial dims at once.
 */
import { pad, type Shape, type Tensor, windows } from '@torchlet/tensor';
import { printShape } from './shapes.js';

/** One number for all spatial dims, or one each. */
export type PerDim = number | readonly number[];

/** Stride and padding by place, as in PyTorch, or as options: the last that is given may be the options. */
export type Placed<Options extends object> = readonly [
  stride?: PerDim | Options,
  padding?: PerDim | 'same' | 'valid' | Options,
  options?: Options,
];

/** The options, with what was given by place among them. */
export function placed<Options extends object>(given: Placed<Options>): Options {
  const isOptions = (value: unknown): value is Options => typeof value === 'object' && !Array.isArray(value);
  const [stride, padding] = given.filter((value) => value !== undefined && !isOptions(value));
  const byPlace = { ...(stride === undefined ? {} : { stride }), ...(padding === undefined ? {} : { padding }) };
  return { ...byPlace, ...(given.find(isOptions) ?? {}) } as Options;
}

export function perDim(op: string, name: string, value: PerDim, rank: number, least: number): number[] {
  const list =
    typeof value === 'number'
      ? new Array<number>(rank).fill(value)
      : value.length === 1 && rank > 1
        ? new Array<number>(rank).fill(value[0] as number)
        : [...value];
  if (list.length !== rank || list.some((n) => !(Number.isInteger(n) && n >= least))) {
    throw new RangeError(
      `${op}: expected a ${name} of ${rank} whole numbers of at least ${least}, got [${list.join(', ')}]`,
    );
  }
  return list;
}

/** Runs `body` on [n, channels, ...spatial]; an input without a batch gets one for as long. */
export function batched<T>(op: string, input: Tensor, rank: number, body: (x: Tensor) => T, drop: (result: T) => T): T {
  if (input.ndim === rank + 2) return body(input);
  if (input.ndim === rank + 1) return drop(body(input.unsqueeze(0)));
  throw new RangeError(`${op}: expected an input of ${rank + 1} or ${rank + 2} dims, got ${printShape(input.shape)}`);
}

export const dropBatch = (result: Tensor): Tensor => result.squeeze(0);

export interface WindowOptions {
  readonly size: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
}

/** How many windows lie along each dim after the first two. @throws RangeError where a window does not fit. */
export function windowCounts(op: string, shape: Shape, { size, stride, dilation }: WindowOptions): number[] {
  return size.map((length, i) => {
    const reach = (dilation[i] as number) * (length - 1) + 1;
    const room = (shape[i + 2] as number) - reach;
    if (room < 0) {
      throw new RangeError(
        `${op}: a window of ${reach} does not fit dim ${i + 2} of length ${shape[i + 2]}, with padding, of ${printShape(shape)}`,
      );
    }
    return Math.floor(room / (stride[i] as number)) + 1;
  });
}

/** [n, c, ...spatial] as [n, c, ...counts, ...size]. @throws RangeError where a window does not fit. */
export function spatialWindows(op: string, x: Tensor, options: WindowOptions): Tensor {
  windowCounts(op, x.shape, options);
  return fittingWindows(x, options);
}

/** As `spatialWindows`, for windows that are known to fit. */
export function fittingWindows(x: Tensor, { size, stride, dilation }: WindowOptions): Tensor {
  return size.reduce((cut, length, i) => windows(cut, i + 2, length, stride[i] as number, dilation[i] as number), x);
}

/** Spatial dims padded by (before, after) each; negative counts cut. */
export function padSpatial(x: Tensor, sides: readonly (readonly [number, number])[], value = 0): Tensor {
  if (sides.every(([before, after]) => before === 0 && after === 0)) return x;
  return pad(x, sides.toReversed().flat(), { value });
}

export const product = (lengths: readonly number[]): number => lengths.reduce((total, length) => total * length, 1);
export const range = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i);
