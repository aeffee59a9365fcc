/**
 * Layouts: which axes a kernel really has. Starts from a group's axes, splits those that indices divide, and joins neighbours that indices
 * always use together, so that kernels have few, long axes and no division where none is needed. Owns that search; the expressions are made
 * by whoever is given the layout.
 */
import { eachAtom, type Index, type Indices, onlyAtom } from './index-map.js';

/** times * ((axis div `div`) mod `mod`), a part of one axis of a group. */
interface Piece {
  readonly axis: number;
  readonly times: number;
  readonly div: number;
  readonly mod: number;
}

export interface LayoutAxis {
  readonly length: number;
  readonly inner: boolean;
  /** Whether the kernel's form needs this axis as it is: m, n and k of a product. */
  readonly fixed: 'free' | 'last' | 'alone';
}

export interface Layout {
  /** Parallel axes first. */
  readonly axes: readonly LayoutAxis[];
  /** What each axis of the group is, as a sum. */
  readonly pieces: readonly (readonly Piece[])[];
}

/** One axis for every axis of a loop that moves, parallel ones first. */
export function loopLayout(lengths: readonly number[], inner: readonly boolean[]): Layout {
  const axes: LayoutAxis[] = [];
  const pieces: Piece[][] = lengths.map(() => []);
  for (const side of [false, true]) {
    lengths.forEach((length, axis) => {
      if ((inner[axis] ?? false) !== side || length === 1) return;
      pieces[axis] = [{ axis: axes.length, times: 1, div: 1, mod: length }];
      axes.push({ length, inner: side, fixed: 'free' });
    });
  }
  return { axes, pieces };
}

/** The batch axes that move, then m, n and k, or n, m and k where the product is computed transposed. */
export function productLayout(lengths: readonly number[], transposed: boolean): Layout {
  const batch = loopLayout(lengths.slice(0, -3), []);
  const [m, n, k] = lengths.slice(-3) as [number, number, number];
  const axes: LayoutAxis[] = [
    ...batch.axes,
    { length: transposed ? n : m, inner: false, fixed: 'last' },
    { length: transposed ? m : n, inner: false, fixed: 'alone' },
    { length: k, inner: true, fixed: 'alone' },
  ];
  const first = batch.axes.length;
  const pieces: (readonly Piece[])[] = [
    ...batch.pieces,
    [{ axis: transposed ? first + 1 : first, times: 1, div: 1, mod: m }],
    [{ axis: transposed ? first : first + 1, times: 1, div: 1, mod: n }],
    [{ axis: first + 2, times: 1, div: 1, mod: k }],
  ];
  return { axes, pieces };
}

/** Whether a product's stores run along its rows but not along its columns, so that its transpose stores in order. */
export function storesTransposed(layout: Layout, stores: readonly Index[]): boolean {
  const [m, n] = [layout.axes.length - 3, layout.axes.length - 2];
  if (layout.axes[n]?.length === 1 || layout.axes[m]?.length === 1) return false;
  return stores.length > 0 && stores.every((index) => timesOf(index, m) === 1 && timesOf(index, n) !== 1);
}

/** The axes of the group as indices of a kernel with this layout. */
export function axesOf(layout: Layout, indices: Indices): Index[] {
  return layout.pieces.map((pieces) =>
    pieces.reduce((sum, { axis, times, div, mod }) => {
      const { length } = layout.axes[axis] as LayoutAxis;
      const quotient = indices.divide(indices.axis(axis, length), div)[0];
      return indices.add(sum, indices.scale(indices.divide(quotient, mod)[1], times));
    }, indices.zero),
  );
}

/** The layout with one axis split where an index divides it; null where there is none. */
export function splitOnce(layout: Layout, used: Iterable<Index>): Layout | null {
  for (const index of used) {
    let split: { axis: number; by: number } | null = null;
    eachAtom(index, (atom) => {
      if (atom.kind !== 'div' && atom.kind !== 'mod') return;
      const only = onlyAtom(atom.of);
      if (only?.kind !== 'axis') return;
      const axis = layout.axes[only.axis] as LayoutAxis;
      if (axis.fixed === 'free' && axis.length % atom.by === 0) split = { axis: only.axis, by: atom.by };
    });
    if (split !== null) return splitAxis(layout, split);
  }
  return null;
}

function splitAxis(layout: Layout, { axis, by }: { axis: number; by: number }): Layout {
  const { length, inner, fixed } = layout.axes[axis] as LayoutAxis;
  const axes = [
    ...layout.axes.slice(0, axis),
    { length: length / by, inner, fixed },
    { length: by, inner, fixed },
    ...layout.axes.slice(axis + 1),
  ];
  const pieces = layout.pieces.map((list) =>
    list.flatMap((piece): Piece[] => {
      if (piece.axis < axis) return [piece];
      if (piece.axis > axis) return [{ ...piece, axis: piece.axis + 1 }];
      return [
        { axis, times: piece.times * by, div: 1, mod: length / by },
        { axis: axis + 1, times: piece.times, div: 1, mod: by },
      ];
    }),
  );
  return { axes, pieces };
}

/** The layout with neighbours joined wherever every index moves along them as along one longer axis. */
export function join(layout: Layout, used: readonly Index[]): Layout {
  const starts: number[] = [];
  layout.axes.forEach((axis, i) => {
    const before = layout.axes[i - 1];
    const joins =
      before !== undefined &&
      before.inner === axis.inner &&
      before.fixed === 'free' &&
      axis.fixed !== 'alone' &&
      used.every((index) => timesOf(index, i - 1) === timesOf(index, i) * axis.length);
    if (!joins) starts.push(i);
  });
  if (starts.length === layout.axes.length) return layout;
  const axes: LayoutAxis[] = [];
  const place: Piece[] = [];
  starts.forEach((start, joined) => {
    const run = layout.axes.slice(start, starts[joined + 1] ?? layout.axes.length);
    let stride = run.reduce((size, { length }) => size * length, 1);
    axes.push({ ...(run.at(-1) as LayoutAxis), length: stride });
    for (const { length } of run) {
      stride /= length;
      place.push({ axis: joined, times: 1, div: stride, mod: length });
    }
  });
  const pieces = layout.pieces.map((list) =>
    list.map(({ axis, times }): Piece => ({ ...(place[axis] as Piece), times })),
  );
  return { axes, pieces };
}

/** By how much `index` moves along a kernel's axis; axes inside divisions are seen in the indices of those. */
function timesOf(index: Index, axis: number): number {
  for (const { atom, times } of index.terms) if (atom.kind === 'axis' && atom.axis === axis) return times;
  return 0;
}

/** Divisions in a kernel's indices: what a join must not add to. */
export function divisions(used: Iterable<Index>): number {
  const found = new Set<string>();
  for (const index of used) eachAtom(index, ({ kind, id }) => kind !== 'axis' && kind !== 'data' && found.add(`${id}`));
  return found.size;
}
