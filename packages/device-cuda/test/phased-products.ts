/**
 * Gradients of strided images as the products that a compiler makes of them: for each place of a window of outputs, the phases between two of them, and taps that walk
 * outputs one way and the filter the other. Owns the expressions; what is recognised in them is `adjoints.test.ts`.
 */
import type { DType, Expression, Load, MatmulKernel } from '@torchlet/device';
import { axis, fn, int, matmul, result, store } from '@torchlet/device/by-hand';

export interface PhasedCase {
  readonly batch?: number;
  readonly groups?: number;
  /** Of one group. */
  readonly channels?: number;
  readonly outputs?: number;
  /** Places of windows along each dim: outputs of the convolution whose gradient it is. */
  readonly places: readonly number[];
  readonly window: readonly number[];
  readonly stride: readonly number[];
  readonly padding?: readonly number[];
  readonly dtype?: DType;
  /** How many taps and runs of places the last dim has less than it takes. */
  readonly missing?: { readonly taps?: number; readonly places?: number };
}

export interface PhasedDim {
  readonly outputs: number;
  readonly window: number;
  readonly stride: number;
  readonly padding: number;
  /** Runs of `stride` positions, and steps that reach every element of the window from each of them. */
  readonly places: number;
  readonly taps: number;
  readonly outputShift: number;
  readonly windowShift: number;
}

const product = (lengths: readonly number[]): number => lengths.reduce((all, length) => all * length, 1);
const add = (...terms: Expression[]): Expression => terms.reduce((x, y) => fn('add', [x, y]));
const times = (x: Expression, by: number): Expression => fn('mul', [x, int(by)]);

export function dimsOf({ places, window, stride, padding, missing = {} }: PhasedCase): PhasedDim[] {
  return places.map((outputs, i) => {
    const less = i === places.length - 1 ? missing : {};
    const [size, step, before] = [window[i] as number, stride[i] as number, padding?.[i] ?? 0];
    const length = (outputs - 1) * step + size - 2 * before;
    const outputShift = Math.floor((before - size) / step) + 1;
    const windowShift = before - step * outputShift;
    const taps = Math.ceil(windowShift / step) + 1 - (less.taps ?? 0);
    return {
      ...{ outputs, window: size, stride: step, padding: before, outputShift, windowShift, taps },
      places: Math.ceil(length / step) - (less.places ?? 0),
    };
  });
}

/** Digits of an axis that counts through `lengths`, row by row. */
function digitsOf(number: number, lengths: readonly number[]): Expression[] {
  return lengths.map((length, i) => {
    const below = product(lengths.slice(i + 1));
    const quotient = below === 1 ? axis(number) : fn('idiv', [axis(number), int(below)]);
    return i === 0 ? quotient : fn('mod', [quotient, int(length)]);
  });
}

/** Where `sum` is from 0 to below `length`; nothing where it always is. */
function within(sum: Expression, [least, most]: readonly [number, number], length: number): Expression[] {
  return [...(least < 0 ? [fn('lt', [int(-1), sum])] : []), ...(most >= length ? [fn('lt', [sum, int(length)])] : [])];
}

/** Slots 0, 1 and 2: weights, gradient of the output, gradient of the image by channel, phases, batch and places. */
export function phasedProduct(given: PhasedCase): MatmulKernel {
  const { batch = 1, groups = 1, channels = 1, outputs = 1, dtype = 'float32' } = given;
  const dims = dimsOf(given);
  const [m, n, k] = [1, 2, 3];
  const rows = [channels, ...dims.map(({ stride }) => stride)];
  const columns = [batch, ...dims.map(({ places }) => places)];
  const terms = [outputs, ...dims.map(({ taps }) => taps)];
  const [channel, ...phase] = digitsOf(m, rows) as [Expression, ...Expression[]];
  const [sample, ...place] = digitsOf(n, columns) as [Expression, ...Expression[]];
  const [output, ...tap] = digitsOf(k, terms) as [Expression, ...Expression[]];
  const at = (list: readonly Expression[], i: number) => list[i] as Expression;
  const positions = dims.map(({ outputShift }, i) => add(at(place, i), at(tap, i), int(outputShift)));
  const elements = dims.map(({ stride, windowShift }, i) =>
    add(at(phase, i), times(at(tap, i), -stride), int(windowShift)),
  );
  const ofOutputs = dims.flatMap((dim, i) => {
    const most = dim.places + dim.taps - 2 + dim.outputShift;
    return within(at(positions, i), [dim.outputShift, most], dim.outputs);
  });
  const ofWindow = dims.flatMap((dim, i) => {
    const least = dim.windowShift - dim.stride * (dim.taps - 1);
    return within(at(elements, i), [least, dim.windowShift + dim.stride - 1], dim.window);
  });
  const all = (masks: readonly Expression[]) => (masks.length === 0 ? null : masks.reduce((x, y) => fn('and', [x, y])));
  const [window, area] = [product(dims.map((dim) => dim.window)), product(dims.map((dim) => dim.outputs))];
  const walk = (list: readonly Expression[], lengths: readonly number[]) =>
    list.map((each, i) => times(each, product(lengths.slice(i + 1))));
  const filterElement = add(
    times(axis(0), outputs * channels * window),
    times(output, channels * window),
    times(channel, window),
    ...walk(
      elements,
      dims.map((dim) => dim.window),
    ),
  );
  const outputElement = add(
    times(sample, groups * outputs * area),
    times(axis(0), outputs * area),
    times(output, area),
    ...walk(
      positions,
      dims.map((dim) => dim.outputs),
    ),
  );
  const read = (slot: number, index: Expression, mask: Expression | null): Load => {
    return { kind: 'load', dtype, slot, index, mask, otherwise: 0 };
  };
  const shape = [rows, columns, terms].map(product) as [number, number, number];
  const written = add(times(axis(0), shape[0] * shape[1]), times(axis(m), shape[1]), axis(n));
  return matmul('convolution', shape, {
    batch: [groups],
    dtype,
    a: read(0, filterElement, all(ofWindow)),
    b: read(1, outputElement, all(ofOutputs)),
    stores: [store(2, written, result(0, dtype))],
    claim: 'cuDNN',
  });
}

/** Elements of slots 0 to 2. */
export function phasedSizes(given: PhasedCase): [weights: number, output: number, image: number] {
  const { batch = 1, groups = 1, channels = 1, outputs = 1 } = given;
  const dims = dimsOf(given);
  return [
    groups * outputs * channels * product(dims.map((dim) => dim.window)),
    batch * groups * outputs * product(dims.map((dim) => dim.outputs)),
    batch * groups * channels * product(dims.map(({ places, stride }) => places * stride)),
  ];
}
