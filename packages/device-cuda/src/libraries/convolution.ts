/**
 * Products that are convolutions, as cuDNN describes them: an operand reads windows of an image, whose position along a dim is
 * stride * output + dilation * window - padding, and that is 0 outside of it. Owns that recognition; only what is provably the same is one. Which digits
 * of the axes do what is `roles.ts`, the dims that windows run along `image-dims.ts`, gradients of strided images `adjoint.ts`, a program's step `convolution-step.ts`.
 */
import type { Expression, MatmulCandidate } from '@torchlet/device';
import { product } from '../kernels/threads.js';
import { type ImageDim, type ImageDims, imageDims, unbounded } from './image-dims.js';
import { lengthOf, type Role, rolesOf, type Sorted } from './roles.js';
import { indexOf, packed, type Placed, type TensorLayout, tensorOf } from './tensors.js';

/** Dims in cuDNN's order: batch, channels of all groups, then those of space. */
export interface Convolution {
  /** Which of them comes from the other two: `filter` is a gradient of weights, of an image and the gradient of an output; `image` that of an image. */
  readonly computes: 'output' | 'filter' | 'image';
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
  /** The operand that is read through windows: the image, or the gradient of an output. */
  readonly image: 'a' | 'b';
  /** Where operands and result begin, in elements. */
  readonly imageOffset: number;
  readonly otherOffset: number;
  readonly resultOffset: number;
  /** Where the result goes, as an index of the kernel. */
  readonly index: Expression;
}

type Product = Omit<MatmulCandidate, 'dtype'>;
type Way = 'output' | 'filter';

export const mostDims = 3;
/** cuDNN counts at least two dims of space. */
export const leastDims = 2;
const flatDim = unbounded({ place: null, inner: null, placeTimes: 1, innerTimes: 1, padding: 0, element: 0 });

/** @param result where the product is stored; null for where the library would rather have it. @returns null where it is not a convolution. */
export function convolutionOf(kernel: Product, result: Expression | null): Recognised | null {
  return recognised(kernel, 'a', result) ?? recognised(kernel, 'b', result);
}

function recognised(kernel: Product, image: 'a' | 'b', result: Expression | null): Recognised | null {
  const roles = rolesOf(kernel, image, result);
  if (roles === null || roles.otherBounds.length > 0) return null;
  const found = imageDims(roles.places, roles.inners, roles.imageBounds);
  if (found === null) return null;
  const [imageBegin, otherBegin, resultBegin] = roles.begins;
  const padded = found.dims.reduce((sum, { padding, element }) => sum + padding * element, 0);
  const imageOffset = imageBegin + padded;
  if (imageOffset < 0) return null;
  for (const computes of waysOf(found.dims)) {
    const names = namesOf(computes, roles, found);
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
      otherOffset: otherBegin - (described.convolution.isTurned ? described.turned : 0),
      resultOffset: resultBegin,
      index: result ?? indexOf(described.placed),
    };
  }
  return null;
}

/** What is computed may be seen in two ways, of which the one with the smaller window is what the library is good at. */
function waysOf(dims: readonly ImageDim[]): readonly Way[] {
  const sizeAlong = (at: 'place' | 'inner') => product(dims.map((dim) => lengthOf(dim[at])));
  const [places, inners] = [sizeAlong('place'), sizeAlong('inner')];
  if (places < inners) return ['filter', 'output'];
  return places === inners ? ['output', 'filter'] : ['output'];
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

function namesOf(computes: Way, { groups, outputs }: Sorted, found: ImageDims): Names | null {
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
  computes: Way,
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
