/**
 * Products that are convolutions, as cuDNN describes them: an operand reads windows of an image, whose position along a dim is
 * stride * output + dilation * window - padding, and that is 0 outside of it. Owns that recognition; only what is provably the same is one. Indices as sums over
 * digits are `digits.ts`, the dims that windows run along `image-dims.ts`, a program's step `convolution-step.ts`.
 */
import type { Expression, MatmulCandidate } from '@torchlet/device';
import { apply, axis, int } from '../kernels/split.js';
import { product } from '../kernels/threads.js';
import { boundsOf, type Digit, type Form, inDigits, type Sum, sumOf } from './digits.js';
import { type ImageDim, imageDims, type Role, unbounded } from './image-dims.js';

/** Lengths and, in elements, strides of a tensor. */
export interface TensorLayout {
  readonly lengths: readonly number[];
  readonly strides: readonly number[];
}

/** Dims in cuDNN's order: batch, channels of all groups, then those of space. */
export interface Convolution {
  /** Which of them comes from the other two: `filter` is a gradient of weights, of an image and the gradient of an output. */
  readonly computes: 'output' | 'filter';
  readonly groups: number;
  readonly image: TensorLayout;
  /** Outputs, channels of one group, window; one element behind the other. */
  readonly filter: readonly number[];
  readonly output: TensorLayout;
  /** Whether windows meet the filter from its end on, along every dim. */
  readonly isTurned: boolean;
  readonly padding: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
}

/** A convolution, and where its tensors lie. */
export interface Recognised {
  readonly convolution: Convolution;
  /** The operand that is the image. */
  readonly image: 'a' | 'b';
  /** Where they begin, in elements. */
  readonly imageOffset: number;
  readonly otherOffset: number;
  readonly resultOffset: number;
  /** Where the result goes, as an index of the kernel. */
  readonly index: Expression;
}

type Product = Omit<MatmulCandidate, 'dtype'>;

const mostDims = 3;
/** cuDNN counts at least two dims of space. */
const leastDims = 2;
const flatDim = unbounded({ place: null, inner: null, placeTimes: 1, innerTimes: 1, padding: 0, element: 0 });

/** @param result where the product is stored; null for where the library would rather have it. @returns null where it is not a convolution. */
export function convolutionOf(kernel: Product, result: Expression | null): Recognised | null {
  return recognised(kernel, 'a', result) ?? recognised(kernel, 'b', result);
}

function recognised({ batch, m, n, k, a, b }: Product, image: 'a' | 'b', result: Expression | null): Recognised | null {
  const lengths = [...batch, m, n, k];
  const [read, other] = image === 'a' ? [a, b] : [b, a];
  if (read.kind !== 'load' || other.kind !== 'load' || read.otherwise !== 0 || other.mask !== null) return null;
  const bounds = read.mask === null ? [] : boundsOf(read.mask);
  const sums = [read.index, other.index, result ?? int(0)].map(sumOf);
  if (bounds === null || sums.includes(null)) return null;
  const made = inDigits([...(sums as Sum[]), ...bounds], lengths);
  if (made === null) return null;
  const [imageForm, otherForm, resultForm, ...boundForms] = made.forms as [Form, Form, Form, ...Form[]];
  const roles = made.digits.map((digit, position): Role => {
    const [image, other, result] = [imageForm, otherForm, resultForm].map(({ times }) => times[position] as number);
    return { digit, position, length: digit.length, image, other, result } as Role;
  });
  const sorted = sortedRoles(roles, lengths.length - 1);
  const found = sorted === null ? null : imageDims(sorted.places, sorted.inners, boundForms);
  if (sorted === null || found === null) return null;
  const padded = found.dims.reduce((sum, { padding, element }) => sum + padding * element, 0);
  const imageOffset = imageForm.constant + padded;
  if (imageOffset < 0) return null;
  for (const computes of waysOf(found.dims)) {
    const names = namesOf(computes, sorted, found);
    // Which way it is does not depend on where it is stored.
    const natural = names === null ? null : describe(computes, names, true);
    if (names === null || natural === null) continue;
    const described = result === null ? natural : describe(computes, names, false);
    if (described === null) return null;
    return {
      convolution: described.convolution,
      image,
      imageOffset,
      // Of a filter that is turned the last element comes first.
      otherOffset: otherForm.constant - (described.convolution.isTurned ? described.turned : 0),
      resultOffset: resultForm.constant,
      index: result ?? indexOf(described.placed),
    };
  }
  return null;
}

/** What is computed may be seen in two ways, of which the one with the smaller window is what the library is good at. */
function waysOf(dims: readonly ImageDim[]): readonly Convolution['computes'][] {
  const sizeAlong = (at: 'place' | 'inner') => product(dims.map((dim) => lengthOf(dim[at])));
  const [places, inners] = [sizeAlong('place'), sizeAlong('inner')];
  if (places < inners) return ['filter', 'output'];
  return places === inners ? ['output', 'filter'] : ['output'];
}

/** Digits by what depends on them. */
interface Sorted {
  readonly places: Role[];
  readonly inners: Role[];
  readonly groups: Role[];
  readonly outputs: Role[];
}

/** Null where one is of no use to a convolution. */
function sortedRoles(roles: readonly Role[], innerAxis: number): Sorted | null {
  const sorted: Sorted = { places: [], inners: [], groups: [], outputs: [] };
  for (const role of roles) {
    const { image, other } = role;
    if (role.digit.axis === innerAxis) {
      if (image === 0 || other === 0) return null;
      sorted.inners.push(role);
    } else if (image !== 0) {
      (other === 0 ? sorted.places : sorted.groups).push(role);
    } else {
      if (other === 0) return null;
      sorted.outputs.push(role);
    }
  }
  return sorted;
}

/** What cuDNN has names for; each may be missing, and is 1 long then. */
interface Names {
  readonly group: Role | null;
  readonly outputs: Role | null;
  readonly batch: Role | null;
  readonly channels: Role | null;
  readonly dims: readonly ImageDim[];
  /** Digits of the output and of the window along each dim. */
  readonly outputDims: readonly (Role | null)[];
  readonly window: readonly (Role | null)[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
}

function namesOf(
  computes: Convolution['computes'],
  { groups, outputs }: Sorted,
  found: NonNullable<ReturnType<typeof imageDims>>,
): Names | null {
  if (groups.length > 1 || outputs.length > 1) return null;
  const { restPlaces, restInners } = found;
  // In a gradient of weights the sum walks the outputs, and a place is one of the window.
  const isOutput = computes === 'output';
  const [batches, channels] = isOutput ? [restPlaces, restInners] : [restInners, restPlaces];
  const byStep = (rest: readonly Role[]) => rest.toSorted((x, y) => y.image - x.image);
  const [batch = null, ...batchDims] = byStep(batches);
  const [channel = null, ...channelDims] = byStep(channels);
  const places = isOutput ? batchDims : channelDims;
  const inners = isOutput ? channelDims : batchDims;
  const dims = [
    ...found.dims,
    ...places.map((place) => unbounded({ ...flatDim, place, element: place.image })),
    ...inners.map((inner) => unbounded({ ...flatDim, inner, element: inner.image })),
  ].sort((x, y) => y.element - x.element);
  if (dims.length > mostDims) return null;
  while (dims.length < leastDims) dims.unshift(flatDim);
  const [ofPlaces, ofInners] = [dims.map(({ place }) => place), dims.map(({ inner }) => inner)];
  const [placeTimes, innerTimes] = [dims.map((dim) => dim.placeTimes), dims.map((dim) => dim.innerTimes)];
  return {
    group: groups[0] ?? null,
    outputs: outputs[0] ?? null,
    batch,
    channels: channel,
    dims,
    ...(isOutput
      ? { outputDims: ofPlaces, window: ofInners, stride: placeTimes, dilation: innerTimes }
      : { outputDims: ofInners, window: ofPlaces, stride: innerTimes, dilation: placeTimes }),
  };
}

/** A digit, and the stride that it has in the result. */
interface Placed {
  readonly digit: Digit;
  readonly stride: number;
}

interface Described {
  readonly convolution: Convolution;
  readonly placed: readonly Placed[];
  /** Elements from the first of a window to its last. */
  readonly turned: number;
}

/**
 * @param isNatural whether the result lies one element behind the other, wherever it was stored.
 * @returns null where one of the tensors has no description.
 */
function describe(
  computes: Convolution['computes'],
  { group, outputs, batch, channels, dims, outputDims, window, stride, dilation }: Names,
  isNatural: boolean,
): Described | null {
  const padding = dims.map((dim) => dim.padding);
  const isWhole = dims.every(({ length }, i) => {
    const reach = (dilation[i] as number) * (lengthOf(window[i]) - 1) + 1;
    const moves = (length + 2 * (padding[i] as number) - reach) / (stride[i] as number);
    return length > 0 && Math.floor(moves) + 1 === lengthOf(outputDims[i]);
  });
  if (!isWhole) return null;
  const filterRoles = [group, outputs, channels, ...window];
  const outputRoles = [batch, group, outputs, ...outputDims];
  const [filterIn, outputIn] = computes === 'output' ? (['other', 'result'] as const) : (['result', 'other'] as const);
  const stridesOf = (roles: readonly (Role | null)[], of: 'other' | 'result') =>
    of === 'result' && isNatural ? packed(roles.map(lengthOf)) : roles.map((role) => role?.[of] ?? 0);
  const [filterStrides, outputStrides] = [stridesOf(filterRoles, filterIn), stridesOf(outputRoles, outputIn)];
  const whole = packed(filterRoles.map(lengthOf));
  const firstOfWindow = filterRoles.length - window.length;
  const isPacked = (turn: 1 | -1) =>
    whole.every(
      (stride, i) => lengthOf(filterRoles[i]) === 1 || filterStrides[i] === stride * (i < firstOfWindow ? 1 : turn),
    );
  const isTurned = computes === 'output' && !isPacked(1);
  const output = tensorOf(outputRoles.map(lengthOf), outputStrides);
  const image = tensorOf(
    [...[batch, group, channels].map(lengthOf), ...dims.map(({ length }) => length)],
    [...[batch, group, channels].map((role) => role?.image ?? 0), ...dims.map(({ element }) => element)],
  );
  if (!isPacked(isTurned ? -1 : 1) || output === null || image === null) return null;
  const filter = [lengthOf(group) * lengthOf(outputs), lengthOf(channels), ...window.map(lengthOf)];
  const [roles, strides] = computes === 'output' ? [outputRoles, outputStrides] : [filterRoles, filterStrides];
  return {
    convolution: { computes, groups: lengthOf(group), image, filter, output, isTurned, padding, stride, dilation },
    turned: product(window.map(lengthOf)) - 1,
    placed: roles.flatMap((role, i) => (role === null ? [] : [{ digit: role.digit, stride: strides[i] as number }])),
  };
}

function lengthOf(role: Role | null | undefined): number {
  return role?.length ?? 1;
}

/** Strides of elements one behind the other. */
function packed(lengths: readonly number[]): number[] {
  return lengths.map((_, i) => product(lengths.slice(i + 1)));
}

/** Batch, groups, channels of a group and dims as a tensor, where groups and channels are one dim; null where elements would meet. */
function tensorOf(given: readonly number[], steps: readonly number[]): TensorLayout | null {
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

function indexOf(placed: readonly Placed[]): Expression {
  return placed.reduce<Expression>((sum, { digit, stride }, i) => {
    const quotient = digit.divisor === 1 ? axis(digit.axis) : apply('idiv', [axis(digit.axis), int(digit.divisor)]);
    const step = apply('mul', [apply('mod', [quotient, int(digit.length)]), int(stride)]);
    return i === 0 ? step : apply('add', [sum, step]);
  }, int(0));
}
