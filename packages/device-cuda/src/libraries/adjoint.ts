/**
 * Gradients of strided images, which transposed convolutions are too. Position h of an image is met by output p through element r of a window where
 * h = stride * p + r - padding. As a product: h is stride * place + phase, and the sum over taps t takes p = place + t and r = phase - stride * t, each within a shift.
 * Owns that recognition; it is exact where the taps reach every r. Gradients of images without strides are convolutions by a filter that is turned: `convolution.ts`.
 */
import type { Expression, MatmulCandidate } from '@torchlet/device';
import { leastDims, mostDims, type Recognised } from './convolution.js';
import type { Form } from './digits.js';
import { lengthOf, type ProductRoles, type Role, rolesOf } from './roles.js';
import { indexOf, packed, tensorOf } from './tensors.js';

type Product = Omit<MatmulCandidate, 'dtype'>;

/** One dim of the image. */
interface AdjointDim {
  readonly place: Role | null;
  readonly phase: Role | null;
  readonly stride: number;
  readonly padding: number;
  readonly window: number;
  readonly outputs: number;
  /** Elements from one output, and from one of the window, to the next. */
  readonly outputStep: number;
  readonly windowStep: number;
  /** Of the first output and of the window's first element, from where the operands begin. */
  readonly outputShift: number;
  readonly windowShift: number;
}

const flatDim: AdjointDim = {
  ...{ place: null, phase: null, stride: 1, padding: 0, window: 1, outputs: 1 },
  ...{ outputStep: 0, windowStep: 0, outputShift: 0, windowShift: 0 },
};

/** @param result where the product is stored; null for where the library would rather have it. @returns null where it is not such a gradient. */
export function adjointOf(kernel: Product, result: Expression | null): Recognised | null {
  return recognised(kernel, 'a', result) ?? recognised(kernel, 'b', result);
}

function recognised(kernel: Product, image: 'a' | 'b', result: Expression | null): Recognised | null {
  const roles = rolesOf(kernel, image, result);
  if (roles === null) return null;
  const taps = roles.inners.filter(({ other }) => other < 0);
  const dims = taps.map((tap) => dimOf(tap, roles));
  const boundsOfTaps = [...roles.imageBounds, ...roles.otherBounds].filter((form) =>
    taps.some((tap) => isOf(form, tap)),
  );
  const isBounded = boundsOfTaps.length === roles.imageBounds.length + roles.otherBounds.length;
  if (taps.length === 0 || !isBounded || dims.includes(null)) return null;
  const named = namesOf(roles, dims as AdjointDim[]);
  return named === null ? null : describe(roles, named, image, result);
}

function isOf({ times }: Form, { position }: Role): boolean {
  return times[position] !== 0;
}

/** Where a sum of two digits is cut off: its shift, so that it begins at 0, and its last value before the shift. */
interface Cut {
  readonly shift: number | null;
  readonly last: number;
}

/** Null where a bound is of other digits than `first` and `second`, or steps otherwise than they do. */
function cutOf(bounds: readonly Form[], first: Role | null, second: Role, secondTimes: number): Cut | null {
  let shift: number | null = null;
  let last = Number.POSITIVE_INFINITY;
  for (const { constant, times } of bounds) {
    const sign = Math.sign(times[second.position] as number) * Math.sign(secondTimes);
    const isSame = times.every((each, position) => {
      if (position === second.position) return each === sign * secondTimes;
      return each === (position === first?.position ? sign : 0);
    });
    if (!isSame) return null;
    if (sign > 0) shift = Math.min(shift ?? constant, constant);
    else last = Math.min(last, constant);
  }
  return { shift, last };
}

/** Null where a tap does not walk an output one way and the window the other. */
function dimOf(tap: Role, { places, outputs, imageBounds, otherBounds }: ProductRoles): AdjointDim | null {
  const place = places.find(({ image }) => image === tap.image) ?? null;
  const phase = outputs.find(({ other, length }) => other * length === -tap.other) ?? null;
  const stride = lengthOf(phase);
  const along = (bounds: readonly Form[]) => bounds.filter((form) => isOf(form, tap));
  const ofOutputs = cutOf(along(imageBounds), place, tap, 1);
  const ofWindow = cutOf(along(otherBounds), phase, tap, -stride);
  if (ofOutputs === null || ofWindow === null) return null;
  const reach = stride * (tap.length - 1);
  const windowShift = ofWindow.shift ?? reach;
  const window = Math.min(stride, ofWindow.last + 1) + windowShift;
  // A tap more at either end would find nothing.
  if (windowShift > reach || windowShift < 0) return null;
  const outputShift = Math.min(0, ofOutputs.shift ?? 0);
  const reached = Math.min(lengthOf(place) + tap.length - 1, ofOutputs.last + 1) + outputShift;
  return {
    ...{ place, phase, stride, window, outputs: reached, windowShift, outputShift },
    padding: stride * outputShift + windowShift,
    outputStep: tap.image,
    windowStep: -tap.other / stride,
  };
}

/** What cuDNN has names for; each may be missing, and is 1 long then. */
interface Names {
  readonly group: Role | null;
  readonly batch: Role | null;
  readonly outputs: Role | null;
  readonly channels: Role | null;
  readonly dims: readonly AdjointDim[];
}

function namesOf({ places, inners, groups, outputs }: ProductRoles, found: readonly AdjointDim[]): Names | null {
  const named = found.flatMap(({ place, phase }) => [place, phase]).filter((role) => role !== null);
  const taken = new Set(named);
  const free = (roles: readonly Role[]) => roles.filter((role) => !taken.has(role));
  const [batch = null, ...still] = free(places).sort((x, y) => y.image - x.image);
  const [ofOutputs = null, ...moreOutputs] = inners.filter(({ other }) => other > 0);
  const [channels = null, ...moreChannels] = free(outputs);
  const extra = still.map((place) => ({ ...flatDim, place, outputs: place.length, outputStep: place.image }));
  const dims = [...found, ...extra].sort((x, y) => y.outputStep - x.outputStep);
  while (dims.length < leastDims) dims.unshift(flatDim);
  const isOne = groups.length <= 1 && moreOutputs.length === 0 && moreChannels.length === 0;
  // Two taps of one place, or of one phase, are no two dims.
  if (!isOne || taken.size < named.length || dims.length > mostDims) return null;
  return { group: groups[0] ?? null, batch, outputs: ofOutputs, channels, dims };
}

/** Null where one of the tensors has no description. */
function describe(
  { begins }: ProductRoles,
  { group, batch, outputs, channels, dims }: Names,
  image: 'a' | 'b',
  result: Expression | null,
): Recognised | null {
  const lengths = dims.map(({ place, stride }) => stride * lengthOf(place));
  const isWhole = dims.every(({ padding, window, stride, outputs }, i) => {
    const moves = ((lengths[i] as number) + 2 * padding - window) / stride;
    return padding >= 0 && outputs > 0 && Math.floor(moves) + 1 === outputs;
  });
  if (!isWhole) return null;
  const [groups, perGroup] = [lengthOf(group), lengthOf(outputs)];
  const filter = [groups * perGroup, lengthOf(channels), ...dims.map(({ window }) => window)];
  const windowLengths = [groups, perGroup, ...filter.slice(1)];
  const windowSteps = [...[group, outputs, channels].map((role) => role?.other), ...dims.map((dim) => dim.windowStep)];
  const whole = packed(windowLengths);
  const isPacked = whole.every((step, i) => windowLengths[i] === 1 || windowSteps[i] === step);
  const output = tensorOf(
    [...[batch, group, outputs].map(lengthOf), ...dims.map((dim) => dim.outputs)],
    [...[batch, group, outputs].map((role) => role?.image ?? 0), ...dims.map(({ outputStep }) => outputStep)],
  );
  const imageLengths = [...[batch, group, channels].map(lengthOf), ...lengths];
  const natural = packed(imageLengths);
  const stored = [
    ...[batch, group, channels].map((role) => role?.result ?? 0),
    ...dims.map(({ place, phase, stride }) => phase?.result ?? (place?.result ?? 0) / stride),
  ];
  const steps = result === null ? natural : stored;
  const made = tensorOf(imageLengths, steps);
  const stepOf = (i: number): number => steps[i + 3] as number;
  const isEven = dims.every(
    ({ place, stride }, i) => result === null || place === null || place.result === stepOf(i) * stride,
  );
  if (!isPacked || !isEven || output === null || made === null) return null;
  const shifted = (step: 'outputStep' | 'windowStep', shift: 'outputShift' | 'windowShift') =>
    dims.reduce((sum, dim) => sum + dim[step] * dim[shift], 0);
  const [outputBegin, windowBegin, resultOffset] = begins;
  const imageOffset = outputBegin - shifted('outputStep', 'outputShift');
  const otherOffset = windowBegin - shifted('windowStep', 'windowShift');
  if (imageOffset < 0 || otherOffset < 0) return null;
  const placed = [
    ...[batch, group, channels].map((role, i) => ({ role, stride: steps[i] as number })),
    ...dims.flatMap(({ place, phase, stride }, i) => [
      { role: place, stride: stepOf(i) * stride },
      { role: phase, stride: stepOf(i) },
    ]),
  ].flatMap(({ role, stride }) => (role === null ? [] : [{ digit: role.digit, stride }]));
  const convolution = {
    ...({ computes: 'image', groups, image: made, filter, output, isTurned: false } as const),
    padding: dims.map(({ padding }) => padding),
    stride: dims.map(({ stride }) => stride),
    dilation: dims.map(() => 1),
  };
  return { convolution, image, imageOffset, otherOffset, resultOffset, index: result ?? indexOf(placed) };
}
