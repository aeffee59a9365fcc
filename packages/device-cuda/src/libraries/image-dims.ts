/**
 * The dims of an image that windows run along: a digit of the places of windows and a digit within a window that walk one dim together, and where the dim ends.
 * Owns the pairing, out of the bounds of a mask where there are any, and else out of windows that overlap. Read `convolution.ts` next.
 */
import type { Form } from './digits.js';
import type { Role } from './roles.js';

/** placeTimes * place + innerTimes * inner - padding, from 0 to length. */
export interface ImageDim {
  readonly place: Role | null;
  readonly inner: Role | null;
  readonly placeTimes: number;
  readonly innerTimes: number;
  readonly padding: number;
  readonly length: number;
  /** Elements of memory from one position to the next. */
  readonly element: number;
}

export interface ImageDims {
  readonly dims: readonly ImageDim[];
  readonly restPlaces: readonly Role[];
  readonly restInners: readonly Role[];
}

/**
 * @param places digits that move the window, and `inners` those within it.
 * @param bounds what is at least 0 exactly where the image is read.
 * @returns null where the bounds are not those of dims, or no windows overlap.
 */
export function imageDims(places: readonly Role[], inners: readonly Role[], bounds: readonly Form[]): ImageDims | null {
  const bounded = boundedDims(places, inners, bounds);
  if (bounded === null) return null;
  const taken = new Set(bounded.flatMap(({ place, inner }) => [place, inner]));
  const free = (roles: readonly Role[]) => roles.filter((role) => !taken.has(role)).sort((x, y) => x.image - y.image);
  const dims = [...bounded];
  const pair = (isPair: (place: Role, inner: Role) => boolean): void => {
    for (const inner of free(inners)) {
      const place = free(places).find((other) => isPair(other, inner));
      if (place === undefined) continue;
      const element = gcd(place.image, inner.image);
      const times = { placeTimes: place.image / element, innerTimes: inner.image / element };
      dims.push(unbounded({ place, inner, ...times, padding: 0, element }));
      taken.add(place).add(inner);
    }
  };
  pair(overlap);
  if (dims.length === 0) return null;
  // What is left over last are images of a batch and channels, which lie side by side too.
  pair((place, inner) => Math.min(free(places).length, free(inners).length) > 1 && areBeside(place, inner));
  return { dims, restPlaces: free(places), restInners: free(inners) };
}

/** A dim that is as long as windows reach. */
export function unbounded(dim: Omit<ImageDim, 'length'>): ImageDim {
  return { ...dim, length: reachOf(dim) };
}

/** One more than the last position that is asked for. */
function reachOf({ place, inner, placeTimes, innerTimes, padding }: Omit<ImageDim, 'length'>): number {
  const last = (role: Role | null) => (role?.length ?? 1) - 1;
  return placeTimes * last(place) + innerTimes * last(inner) - padding + 1;
}

/** Whether two windows, not the same, have a position in common: else they are no more than parts of a matrix. */
function overlap(place: Role, inner: Role): boolean {
  if (place.image <= 0 || inner.image <= 0) return false;
  const common = gcd(place.image, inner.image);
  return place.image / common < inner.length && inner.image / common < place.length;
}

/** Whether one walks on where the other ends. */
function areBeside(place: Role, inner: Role): boolean {
  return place.image === inner.image * inner.length || inner.image === place.image * place.length;
}

interface Bounded {
  place: Role | null;
  inner: Role | null;
  placeTimes: number;
  innerTimes: number;
  padding: number;
  /** The sum's greatest value that is read. */
  last: number;
}

function boundedDims(places: readonly Role[], inners: readonly Role[], bounds: readonly Form[]): ImageDim[] | null {
  const found: Bounded[] = [];
  for (const { constant, times } of bounds) {
    const walked = times.flatMap((each, position) => (each === 0 ? [] : [{ position, times: each }]));
    const at = (roles: readonly Role[]) =>
      walked.filter(({ position }) => roles.some((role) => role.position === position));
    const [ofPlaces, ofInners] = [at(places), at(inners)];
    const sign = Math.sign(walked[0]?.times ?? 0);
    const isOne = ofPlaces.length <= 1 && ofInners.length <= 1 && ofPlaces.length + ofInners.length === walked.length;
    if (!isOne || sign === 0 || !walked.every((each) => Math.sign(each.times) === sign)) return null;
    const roleOf = (roles: readonly Role[], [first]: typeof walked) =>
      roles.find((role) => role.position === first?.position) ?? null;
    const [place, inner] = [roleOf(places, ofPlaces), roleOf(inners, ofInners)];
    const [placeTimes, innerTimes] = [ofPlaces, ofInners].map(([first]) => Math.abs(first?.times ?? 1)) as [
      number,
      number,
    ];
    const isSame = (dim: Bounded) => dim.place === place && dim.inner === inner;
    let dim = found.find(isSame);
    if (dim === undefined) {
      dim = { place, inner, placeTimes, innerTimes, padding: 0, last: Number.POSITIVE_INFINITY };
      found.push(dim);
    }
    if (dim.placeTimes !== placeTimes || dim.innerTimes !== innerTimes) return null;
    // Below 0 there is nothing that a position could be.
    if (sign > 0) dim.padding = Math.max(dim.padding, -constant);
    else dim.last = Math.min(dim.last, constant);
  }
  const roles = found.flatMap(({ place, inner }) => [place, inner]).filter((role) => role !== null);
  if (new Set(roles).size !== roles.length) return null;
  const dims = found.map(dimOf);
  return dims.includes(null) ? null : (dims as ImageDim[]);
}

/** Null where a step of the bounds is not one step of memory. */
function dimOf({ last, ...dim }: Bounded): ImageDim | null {
  const elements = [
    ...(dim.place === null ? [] : [dim.place.image / dim.placeTimes]),
    ...(dim.inner === null ? [] : [dim.inner.image / dim.innerTimes]),
  ];
  const [element = 0] = elements;
  if (!Number.isInteger(element) || element < 1 || !elements.every((each) => each === element)) return null;
  const whole = unbounded({ ...dim, element });
  return { ...whole, length: Math.min(whole.length, last - dim.padding + 1) };
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
