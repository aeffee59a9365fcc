/**
 * Scatter kernels. Where the sums do not depend on their order, or points are too many for anything else, a thread adds each point with an atomic
 * instruction; else a thread owns places that no other writes and goes through the points that may fall there in order, so that sums of floats
 * are the same each time. Owns both forms and the choice.
 */
import { type DType, isFloat, type ScatterKernel } from '@torchlet/device';
import { Body } from '../ptx/body.js';
import { cast } from '../ptx/casts.js';
import { kindOf, storedBytes } from '../ptx/dtypes.js';
import { loadElements, type Place, storeElements } from '../ptx/elements.js';
import type { KernelCode } from '../ptx/module.js';
import { int32, type Operand } from '../ptx/register.js';
import { applyFunction } from '../ptx/scalar-functions.js';
import { Emitter } from './emitter.js';
import { plus, times } from './index-arithmetic.js';
import { Point, type Value } from './point.js';
import type { KernelSite } from './site.js';
import { bound, numberInGrid, positions, product, threadOfBlock } from './threads.js';

const threadsOfBlock = 256;
/** Points that an owner may go through before atomics are worth their changing order. */
const longestWalk = 4096;

/** The instruction that adds in memory; null where the dtype has none. */
function atomicAddition(dtype: DType): string | null {
  switch (dtype) {
    case 'float32':
    case 'float64':
      return `red.global.add.${kindOf(dtype)}`;
    case 'int32':
      return 'red.global.add.s32';
    case 'int64':
      return 'red.global.add.u64';
    default:
      return null;
  }
}

export function scatterKernel(site: KernelSite, kernel: ScatterKernel): KernelCode {
  const { axes, axis, strides, slot } = kernel;
  const dtype = site.slots[slot]?.dtype ?? kernel.value.dtype;
  const owned = axes.map((_, i) => i !== axis && strides[i] !== 0);
  const walk = product(axes.filter((_, i) => !owned[i]));
  const addition = atomicAddition(dtype);
  if (addition !== null && (!isFloat(dtype) || walk > longestWalk)) return added(site, kernel, addition);
  return ownedPlaces(site, kernel, owned);
}

/** A thread for each point. */
function added(site: KernelSite, kernel: ScatterKernel, addition: string): KernelCode {
  const writing = new Writing(site, kernel);
  const { body } = writing;
  const count = product(kernel.axes);
  const number = firstNumber(body, count);
  const point = Point.at(positions(body, number, kernel.axes));
  const place = writing.place(point);
  body.when(writing.isPlace(place, writing.range(null)), () => {
    const target = writing.target(place, point);
    const value = body.inRegister(writing.value(point));
    body.line(`${addition} [${target.address.text}], ${value.text}`);
  });
  return writing.finish('a thread a point, added by atomics', count);
}

/** A thread for each owner of places: positions off the scattered axis, and ranges of places along it. */
function ownedPlaces(site: KernelSite, kernel: ScatterKernel, owned: readonly boolean[]): KernelCode {
  const { axes, length } = kernel;
  const writing = new Writing(site, kernel);
  const { body } = writing;
  const owners = product(axes.filter((_, i) => owned[i]));
  const wanted = (site.target.multiprocessors * threadsOfBlock) / Math.max(1, owners);
  const ranges = Math.max(1, Math.min(length, Math.ceil(wanted)));
  const places = Math.ceil(length / ranges);
  const number = firstNumber(body, owners * ranges);
  const parts = axes.map((count, i) => (owned[i] ? count : 1));
  const found = positions(body, number, [ranges, ...parts], -1);
  const own = (found.get(-1) as Value).operand;
  const range = writing.range(ranges === 1 ? null : { from: times(body, own, int32(places)), places });
  const walked = axes.flatMap((count, i) => (owned[i] || count === 1 ? [] : [{ axis: i, count }]));
  const visit = (depth: number, point: Point): void => {
    const next = walked[depth];
    if (next === undefined) {
      const place = writing.place(point);
      body.when(writing.isPlace(place, range), () => writing.addTo(writing.target(place, point), point));
      return;
    }
    const position = body.op('s32', 'mov.s32', [int32(0)], 'walked');
    body.repeat('walk', () => {
      visit(depth + 1, point.withCoordinates(new Map([[next.axis, { operand: position, scope: body.scope }]])));
      body.assign(position, 'add.s32', [position, int32(1)]);
      return body.compare('lt.s32', position, int32(next.count), 'more');
    });
  };
  visit(0, Point.at(found));
  return writing.finish('a thread for each owner of places', owners * ranges);
}

function firstNumber(body: Body, count: number): Operand {
  const number = numberInGrid(body, threadOfBlock(body), threadsOfBlock, count, 'point');
  if (count % threadsOfBlock === 0) return number;
  const isPast = body.compare(`ge.${number.kind}`, number, bound(number, count), 'past');
  body.line(`@${isPast.text} ret`);
  return number;
}

interface Range {
  readonly least: Operand;
  readonly end: Operand;
}

/** What both forms write. */
class Writing {
  readonly body = new Body();
  readonly #kernel: ScatterKernel;
  readonly #emitter: Emitter;
  readonly #dtype: DType;
  readonly #site: KernelSite;

  constructor(site: KernelSite, kernel: ScatterKernel) {
    this.#site = site;
    this.#kernel = kernel;
    this.#dtype = site.slots[kernel.slot]?.dtype ?? kernel.value.dtype;
    const written = new Set([kernel.slot]);
    this.#emitter = new Emitter(site, this.body, { name: kernel.name, lengths: kernel.axes, written });
  }

  place(point: Point): Operand {
    return this.body.inRegister(this.#emitter.value(this.#kernel.index, point));
  }

  /** The places of a thread: all, or some from `from` on. */
  range(part: { readonly from: Operand; readonly places: number } | null): Range {
    const { length, index } = this.#kernel;
    const { body } = this;
    const wide = (x: Operand): Operand => cast(body, x, 'int32', index.dtype === 'int64' ? 'int64' : 'int32');
    if (part === null) return { least: wide(int32(0)), end: wide(int32(length)) };
    const end = body.op('s32', 'min.s32', [plus(body, part.from, int32(part.places)), int32(length)], 'end');
    return { least: wide(part.from), end: wide(end) };
  }

  isPlace(place: Operand, { least, end }: Range): Operand {
    const { body } = this;
    const from = body.compare(`ge.${place.kind}`, place, least, 'from');
    const until = body.compare(`lt.${place.kind}`, place, end, 'until');
    return body.op('pred', 'and.pred', [from, until], 'is_place');
  }

  /** Where a point is added. */
  target(place: Operand, point: Point): Place {
    const { axis, strides, offset, slot } = this.#kernel;
    const { body } = this;
    const narrow = cast(body, place, this.#kernel.index.dtype, 'int32');
    const index = strides.reduce((sum, stride, i) => {
      const position = i === axis ? narrow : (point.coordinates.get(i)?.operand ?? int32(0));
      return plus(body, sum, times(body, position, int32(stride)));
    }, int32(offset));
    const base = body.parameter(this.#site.argumentOf(slot), 'output');
    const bytes = int32(storedBytes(this.#dtype));
    const address = body.op('s64', 'mad.wide.s32', [body.inRegister(index), bytes, base], 'target');
    return { dtype: this.#dtype, address, offset: 0, constant: false };
  }

  /** The value of a point, as the slot's dtype computes. */
  value(point: Point): Operand {
    const { value } = this.#kernel;
    const computed = this.#emitter.value(value, point);
    return kindOf(value.dtype) === kindOf(this.#dtype) ? computed : cast(this.body, computed, value.dtype, this.#dtype);
  }

  addTo(target: Place, point: Point): void {
    const { body } = this;
    const dtype = this.#dtype;
    const value = this.value(point);
    const [before] = loadElements(body, target, 1);
    const sum = applyFunction('add', { body, args: [before as Operand, value], dtype, from: dtype });
    storeElements(body, target, [sum]);
  }

  finish(how: string, count: number): KernelCode {
    const { name, axes } = this.#kernel;
    return {
      name,
      comment: `${name} of [${axes.join(', ')}]: ${how}`,
      body: this.body,
      grid: [Math.ceil(count / threadsOfBlock), 1, 1],
      block: [threadsOfBlock, 1, 1],
    };
  }
}
