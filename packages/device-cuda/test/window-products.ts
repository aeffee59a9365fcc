/**
 * Convolutions as the products that a compiler makes of them: windows of an image, cut out by divisions of the axes, times weights. Owns the expressions and their
 * plain meaning, element by element; what is recognised in them is `convolutions.test.ts`, what a library computes `cudnn.test.ts`.
 */
import type { DType, Expression, Load, MatmulKernel } from '@torchlet/device';
import { axis, fn, int, load, matmul, result, store } from '@torchlet/device/by-hand';

export interface WindowCase {
  readonly batch?: number;
  readonly groups?: number;
  /** Of one group. */
  readonly channels?: number;
  readonly outputs?: number;
  readonly image: readonly number[];
  readonly window: readonly number[];
  readonly stride?: readonly number[];
  readonly padding?: readonly number[];
  /** Where it is not the same at the end of each dim. */
  readonly paddingAfter?: readonly number[];
  readonly dilation?: readonly number[];
  readonly dtype?: DType;
  /** How the output lies: channels before places or behind. */
  readonly outputOrder?: 'channels first' | 'channels last';
  /** The product of the gradient of weights: windows and outputs change sides. */
  readonly isGradient?: boolean;
}

interface Sizes {
  readonly batch: number;
  readonly groups: number;
  readonly channels: number;
  readonly outputs: number;
  readonly counts: readonly number[];
}

const product = (lengths: readonly number[]): number => lengths.reduce((all, length) => all * length, 1);
const add = (...terms: Expression[]): Expression => terms.reduce((x, y) => fn('add', [x, y]));
const times = (x: Expression, by: number): Expression => fn('mul', [x, int(by)]);

export function sizesOf(given: WindowCase): Sizes {
  const { batch = 1, groups = 1, channels = 1, outputs = 1, image, window, stride, padding, dilation } = given;
  const counts = image.map((length, i) => {
    const [before, after] = [padding?.[i] ?? 0, given.paddingAfter?.[i] ?? padding?.[i] ?? 0];
    const reach = (dilation?.[i] ?? 1) * ((window[i] as number) - 1) + 1;
    return Math.floor((length + before + after - reach) / (stride?.[i] ?? 1)) + 1;
  });
  return { batch, groups, channels, outputs, counts };
}

/** The digits of an axis that counts through `lengths`, row by row. */
function digitsOf(number: number, lengths: readonly number[]): Expression[] {
  return lengths.map((length, i) => {
    const below = product(lengths.slice(i + 1));
    const quotient = below === 1 ? axis(number) : fn('idiv', [axis(number), int(below)]);
    return i === 0 ? quotient : fn('mod', [quotient, int(length)]);
  });
}

/** Slots 0, 1 and 2: image, weights (or the gradient of the output), output (or the gradient of weights). */
export function windowProduct(given: WindowCase): MatmulKernel {
  const { image, window, dtype = 'float32', isGradient = false, outputOrder = 'channels first' } = given;
  const { batch, groups, channels, outputs, counts } = sizesOf(given);
  const rank = image.length;
  const places = [batch, ...counts];
  const parts = [channels, ...window];
  // Axes: the group, then m, n and k.
  const [m, n, k] = [1, 2, 3];
  const [placeAxis, partAxis] = isGradient ? [k, m] : [m, k];
  const [sample, ...place] = digitsOf(placeAxis, places) as [Expression, ...Expression[]];
  const [channel, ...within] = digitsOf(partAxis, parts) as [Expression, ...Expression[]];
  const pixels = product(image);
  const masks: Expression[] = [];
  const positions = image.map((length, i) => {
    const before = given.padding?.[i] ?? 0;
    const sum = add(
      times(place[i] as Expression, given.stride?.[i] ?? 1),
      times(within[i] as Expression, given.dilation?.[i] ?? 1),
    );
    if (before > 0) masks.push(fn('lt', [int(before - 1), sum]));
    if (before > 0 || (given.paddingAfter?.[i] ?? 0) > 0) masks.push(fn('lt', [sum, int(length + before)]));
    return add(sum, int(-before));
  });
  const index = add(
    times(sample, groups * channels * pixels),
    times(axis(0), channels * pixels),
    times(channel, pixels),
    ...positions.map((position, i) => times(position, product(image.slice(i + 1)))),
  );
  const mask = masks.length === 0 ? null : masks.reduce((x, y) => fn('and', [x, y]));
  const read: Load = { kind: 'load', dtype, slot: 0, index, mask, otherwise: 0 };
  const area = product(counts);
  const all = groups * outputs;
  const outputChannel = add(times(axis(0), outputs), axis(n));
  const inOutput =
    outputOrder === 'channels first'
      ? add(
          times(sample, all * area),
          times(outputChannel, area),
          ...place.map((at, i) => times(at, product(counts.slice(i + 1)))),
        )
      : add(times(axis(placeAxis), all), outputChannel);
  const inWeights = add(times(outputChannel, product(parts)), axis(partAxis));
  const [other, written] = isGradient ? [inOutput, inWeights] : [inWeights, inOutput];
  const shape = isGradient ? [product(parts), outputs, product(places)] : [product(places), outputs, product(parts)];
  if (rank < 1) throw new Error('a convolution has a dim of space');
  return matmul('convolution', shape as [number, number, number], {
    batch: [groups],
    dtype,
    a: read,
    b: load(1, other, dtype),
    stores: [store(2, written, result(0, dtype))],
    claim: 'cuDNN',
  });
}

/** Elements of slots 0 to 2. */
export function slotSizes(given: WindowCase): [image: number, other: number, written: number] {
  const { batch, groups, channels, outputs, counts } = sizesOf(given);
  const image = batch * groups * channels * product(given.image);
  const weights = groups * outputs * channels * product(given.window);
  const output = batch * groups * outputs * product(counts);
  return given.isGradient ? [image, output, weights] : [image, weights, output];
}

export type AtPoint = (point: readonly number[]) => number;

const meanings: Readonly<Record<string, (x: number, y: number) => number>> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  idiv: (x, y) => Math.trunc(x / y),
  mod: (x, y) => x % y,
  lt: (x, y) => Number(x < y),
  and: (x, y) => x * y,
};

/** What an index or a mask is at a point of the axes; a mask is 0 or 1. */
export function meaningOf(expression: Expression): AtPoint {
  if (expression.kind === 'constant') return () => Number(expression.value);
  if (expression.kind === 'axis') return (point) => point[expression.axis] as number;
  const meaning = expression.kind === 'apply' ? meanings[expression.fn] : undefined;
  if (expression.kind !== 'apply' || meaning === undefined) throw new Error('no index of a window');
  const [x, y] = expression.args.map(meaningOf) as [AtPoint, AtPoint];
  return (point) => meaning(x(point), y(point));
}

/** Every point of `lengths`. */
export function* points(lengths: readonly number[]): Generator<number[]> {
  const at = lengths.map(() => 0);
  if (product(lengths) === 0) return;
  for (;;) {
    yield [...at];
    let i = lengths.length - 1;
    for (; i >= 0; i--) {
      at[i] = (at[i] as number) + 1;
      if ((at[i] as number) < (lengths[i] as number)) break;
      at[i] = 0;
    }
    if (i < 0) return;
  }
}

export type Slot = (slot: number, i: number) => number;

/** The result of the product, as its words say, at the elements that it is stored to. */
export function meant(
  kernel: MatmulKernel,
  of: Slot,
  into = (kernel.stores[0] as (typeof kernel.stores)[0]).index,
): Map<number, number> {
  const { batch, m, n, k } = kernel;
  const [a, b] = [readOf(kernel.a as Load, of), readOf(kernel.b as Load, of)];
  const element = meaningOf(into);
  const sums = new Map<number, number>();
  for (const point of points([...batch, m, n])) {
    let sum = 0;
    for (let t = 0; t < k; t++) {
      point[batch.length + 2] = t;
      sum += a(point) * b(point);
    }
    sums.set(element(point), sum);
  }
  return sums;
}

function readOf({ slot, index, mask }: Load, of: Slot): AtPoint {
  const [element, isRead] = [meaningOf(index), mask === null ? () => 1 : meaningOf(mask)];
  return (point) => (isRead(point) === 0 ? 0 : of(slot, element(point)));
}
