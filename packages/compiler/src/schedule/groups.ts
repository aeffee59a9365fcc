/**
 * Groups: kernels in the making. Owns what one kernel can take in: its domain, its results, the point at which each of its items is computed,
 * and the test whether another item can be computed there too. Which items are offered to which group is decided in `fuse.ts`.
 */
import { Builder } from '../lower/builder.js';
import { eachAtom, type Index } from '../lower/index-map.js';
import { Lowerer, reachable, type View } from '../lower/lower.js';
import type { Item } from './item.js';

/** Expressions one kernel may have: what generators and browsers take without trouble. */
const expressionBound = 3000;
/** Items computed in one kernel. */
const memberBound = 300;

export type GroupKind = 'loop' | 'matmul' | 'scatter' | 'custom' | 'cat';

export class Group implements View {
  /** Higher than that of every group it needs. */
  readonly index: number;
  /** Where the node it was opened for was recorded. */
  readonly position: number;
  readonly kind: GroupKind;
  /** Lengths of the axes: for a loop, those of what is computed or reduced; for a matmul batch, m, n, k. */
  readonly lengths: readonly number[];
  /** Which axes are reduced. */
  inner: readonly boolean[];
  /** Reductions or the product, by result number. */
  readonly anchors: Item[] = [];
  readonly members: Item[] = [];
  /** Whether an item outside of the group needs one of its items. */
  needed = false;
  /** Ids of leaves and of items of other groups that are read. */
  reads: readonly number[] = [];
  /** A library that computes the product. */
  claim: { readonly library: string; takes(item: Item, at: readonly Index[]): boolean } | null = null;
  readonly builder = new Builder();
  readonly lowerer: Lowerer;
  readonly #ids = new Set<number>();
  /** The axes as indices. */
  readonly axes: readonly Index[];

  constructor(
    index: number,
    kind: GroupKind,
    lengths: readonly number[],
    inner: readonly boolean[],
    position = Number.POSITIVE_INFINITY,
  ) {
    this.index = index;
    this.position = position;
    this.kind = kind;
    this.lengths = lengths;
    this.inner = inner;
    this.lowerer = new Lowerer(this.builder, this, expressionBound);
    this.axes = lengths.map((length, axis) => this.builder.indices.axis(axis, length));
  }

  get reduces(): boolean {
    return this.anchors.length > 0;
  }

  has(id: number): boolean {
    return this.#ids.has(id);
  }

  /** Points of the axes that are not reduced. */
  get points(): number {
    return product(this.lengths.filter((_, axis) => this.inner[axis] !== true));
  }

  slot(item: Item): number {
    if (item.isLeaf) return item.id;
    return item.group !== null && item.group.index < this.index ? item.id : -1;
  }

  result(item: Item): { readonly id: number; readonly at: readonly Index[] } | null {
    if (item.group !== this || !item.isAnchor) return null;
    return { id: this.anchors.indexOf(item), at: item.at as readonly Index[] };
  }

  /** Makes `item` part of the group, computed at `at`. */
  take(item: Item, at: readonly Index[]): void {
    item.group = this;
    item.at = at;
    item.after = this.index;
    this.members.push(item);
    this.#ids.add(item.id);
    if (item.isAnchor) this.anchors.push(item);
    this.reads = union(this.reads, outsideReads(item, this));
  }

  /** Gives all its items to `other`, a group of the same axes, and is empty then. */
  moveTo(other: Group): void {
    const { indices } = other.builder;
    for (const item of this.members.splice(0)) {
      other.take(
        item,
        (item.at as readonly Index[]).map((index) => indices.substitute(index, other.axes)),
      );
    }
    this.anchors.length = 0;
  }

  /** The point at which the group can compute `item`, or null. */
  pointOf(item: Item): readonly Index[] | null {
    if (this.members.length >= memberBound) return null;
    for (const at of this.#candidates(item)) if (this.reaches(item, at)) return at;
    return null;
  }

  /** Whether `item` can be computed at `at` from memory and from what the group has at the same point. */
  reaches(item: Item, at: readonly Index[]): boolean {
    return reachable(() => this.lowerer.lower(item, at)) !== null;
  }

  /** Whether `at` moves along the reduced axes. */
  isInner(at: readonly Index[]): boolean {
    let found = false;
    for (const index of at) {
      eachAtom(index, (atom) => {
        if (atom.kind === 'axis' && this.inner[atom.axis] === true) found = true;
      });
    }
    return found;
  }

  /** Points that cover all elements of `item` once: the one of an input, or the group's own in row-major order. */
  #candidates(item: Item): (readonly Index[])[] {
    const { indices } = this.builder;
    const found: (readonly Index[])[] = [];
    for (const input of item.inputs) {
      if (input.group !== this || input.at === null) continue;
      const { at } = input;
      if (item.op === 'permute') found.push(item.node.attrs.map((axis) => at[axis] as Index));
      else if (sameLengths(input.shape, item.shape)) found.push(at);
      else if (item.op === 'reshape') found.push(indices.unflatten(indices.flatten(at, input.shape), item.shape));
    }
    for (const inner of this.reduces ? [false, true] : [false]) {
      if (this.kind === 'matmul' && inner) continue;
      const chosen = this.lengths.flatMap((length, axis) =>
        inner || this.inner[axis] !== true ? [{ length, axis }] : [],
      );
      const lengths = chosen.map(({ length }) => length);
      if (product(lengths) !== item.size) continue;
      const flat = indices.flatten(
        chosen.map(({ axis }) => this.axes[axis] as Index),
        lengths,
      );
      found.push(indices.unflatten(flat, item.shape));
    }
    return found;
  }
}

/** What `item` reads besides what `group` computes. The parts of a `cat` are read by kernels of their own. */
export function outsideReads(item: Item, group: Group | null): readonly number[] {
  if (item.op === 'cat') return [];
  let reads: readonly number[] = [];
  for (const input of item.inputs) {
    if (input.isLeaf) reads = union(reads, [input.id]);
    else if (input.group === null) reads = union(reads, input.reads);
    else if (input.group !== group) reads = union(reads, [input.id]);
  }
  return group === null ? reads : reads.filter((id) => !group.has(id));
}

/** Both rising lists in one. */
export function union(a: readonly number[], b: readonly number[]): readonly number[] {
  if (b.length === 0) return a;
  if (a.length === 0) return b;
  const all: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const x = i < a.length ? (a[i] as number) : Number.POSITIVE_INFINITY;
    const y = j < b.length ? (b[j] as number) : Number.POSITIVE_INFINITY;
    all.push(Math.min(x, y));
    if (x <= y) i++;
    if (y <= x) j++;
  }
  return all;
}

export function product(lengths: readonly number[]): number {
  let size = 1;
  for (const length of lengths) size *= length;
  return size;
}

function sameLengths(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}
