/**
 * Matrix products where a thread computes a tile of results in registers and shares nothing: for emulated adapters, whose barriers are slow, and for thin
 * products. Operands are vectors along k, m or n, whichever lies so in memory. Owns this variant and the size of its tile;
 * `tiled-matmul.ts` is the one through workgroup memory.
 */
import { type Expression, type MatmulKernel, postorder } from '@torchlet/device';
import { Emitter, Point, type Value } from '../wgsl/emitter.js';
import { type KernelCode, KernelModule, type KernelSite, type Target } from '../wgsl/kernel-module.js';
import { kindOf, typeName, type Width } from '../wgsl/kinds.js';
import { type LaneAxis, LaneForms } from '@torchlet/device/analysis';
import { matmulLengths, moved, named, writeResults } from './matmul-results.js';
import { startText } from './reduction.js';
import { storeRoots, Views, writtenSlots } from './slots.js';
import { axisName, product, writePositions, writeThread } from './threads.js';

/** Terms that are summed before they join the rest. */
const longestSum = 512;
const letters = ['x', 'y', 'z', 'w'] as const;

/** Results of one thread: rows, and columns that are one, or vectors of four. */
interface Tile {
  readonly rows: number;
  readonly columns: number;
}

const tiles: readonly Tile[] = [8, 4, 2, 1].flatMap((rows) => [8, 4, 1].map((columns) => ({ rows, columns })));

/** Threads below which an adapter idles. */
const threadsWanted = { sharing: 4096, alone: 32 } as const;
/** Multiplications from which on a large tile is worth its longer code: emulated adapters compile slowly. */
const largeProduct = { sharing: 0, alone: 1 << 20 } as const;
/** What an element costs to load, in multiplications. */
const loadCost = { sharing: 1, alone: 4 } as const;

function threadsOf({ batch, m, n }: MatmulKernel, { rows, columns }: Tile): number {
  return product(batch) * Math.ceil(m / rows) * Math.ceil(n / columns);
}

/** The tile that costs least among those that leave enough threads; the smallest where none does. */
export function tileOf(kernel: MatmulKernel, { sharing }: Pick<Target, 'sharing'>): Tile {
  const kind = sharing ? 'sharing' : 'alone';
  const cost = (tile: Tile): number => {
    const { rows, columns } = tile;
    const threads = threadsOf(kernel, tile);
    return Math.max(threads, threadsWanted[kind]) * (rows * columns + loadCost[kind] * (rows + columns));
  };
  const { batch, m, n, k } = kernel;
  const isLarge = product(batch) * m * n * k >= largeProduct[kind];
  const most = isLarge ? 8 : 4;
  const fitting = tiles.filter(
    ({ rows, columns }) => rows < 2 * m && columns < 4 * n && Math.max(rows, columns) <= most,
  );
  return fitting.reduce((best, tile) => (cost(tile) < cost(best) ? tile : best), fitting.at(-1) as Tile);
}

/** Threads of the register variant. */
export function registerThreads(kernel: MatmulKernel, target: Pick<Target, 'sharing'>): number {
  return threadsOf(kernel, tileOf(kernel, target));
}

/** Along which axis an operand is read four at a time. */
type Along = 'k' | 'outer' | null;

interface Tiling extends Tile {
  /** Columns of one vector. */
  readonly width: Width;
  /** Terms of k that one turn takes. */
  readonly step: Width;
  readonly a: Along;
  readonly b: Along;
}

function tilingOf(kernel: MatmulKernel, lengths: readonly number[], target: Target): Tiling {
  const { k, a, b, batch } = kernel;
  const rank = batch.length;
  const tile = tileOf(kernel, target);
  const width: Width = tile.columns === 1 ? 1 : 4;
  const contiguous = (operand: Expression, axis: number): boolean => {
    const forms = new LaneForms({ axis, count: 4 }, lengths);
    const strides = postorder([operand]).flatMap((part) => (part.kind === 'load' ? [forms.of(part.index).stride] : []));
    return strides.includes(1) && strides.every((stride) => stride === 0 || stride === 1);
  };
  const step: Width = k % 4 === 0 ? 4 : 1;
  const alongK = (operand: Expression): boolean => step === 4 && contiguous(operand, rank + 2);
  return {
    ...tile,
    width,
    step,
    a: alongK(a) ? 'k' : tile.rows % 4 === 0 && contiguous(a, rank) ? 'outer' : null,
    b: alongK(b) ? 'k' : width === 4 ? 'outer' : null,
  };
}

export function registerMatmul(site: KernelSite, kernel: MatmulKernel): KernelCode {
  const { batch, m, n, k, stores } = kernel;
  const lengths = matmulLengths(kernel);
  const rank = batch.length;
  const tiling = tilingOf(kernel, lengths, site.target);
  const { rows, columns, width, step } = tiling;
  const alongN: LaneAxis | null = width === 4 ? { axis: rank + 1, count: 4 } : null;
  const written = writtenSlots(stores);
  const views = viewsOf(site, kernel, lengths, tiling, alongN);
  const module = new KernelModule(site, kernel.name, written, views.views);
  const emitter = new Emitter(module, lengths, written, [kernel.a, kernel.b, ...storeRoots(stores)]);
  const { writer } = module;
  const { groups, builtins, threads } = writeThread(module, 'tile', threadsOf(kernel, tiling));
  const steps = [...batch.map(() => 1), rows, columns];
  const coordinates = writePositions(module, 'tile', [...batch, m, n], steps);
  const point = new Point(coordinates, new Map<number, Value>(), null);

  const type = typeName(kindOf(kernel.dtype), width);
  const start = startText(module, { combine: 'sum', dtype: kernel.dtype }, width);
  const vectors = columns / width;
  const declare = (stem: string): string[][] =>
    Array.from({ length: rows }, (_row, r) =>
      Array.from({ length: vectors }, (_vector, v) => {
        const name = vectors === 1 ? `${stem}${r}` : `${stem}${r}_${v}`;
        writer.line(`var ${name}: ${type} = ${start};`);
        return name;
      }),
    );
  const sums = declare('sum');
  const counter = axisName(rank + 2);
  const walk = (from: string, to: string, accumulators: readonly (readonly string[])[]): void => {
    const next = step === 1 ? `${counter}++` : `${counter} += ${step}`;
    writer.block(`for (var ${counter} = ${from}; ${counter} < ${to}; ${next})`, () => {
      const inside = point.with(rank + 2, { text: counter, scope: writer.scope });
      writeTerms(emitter, kernel, inside, tiling, accumulators);
    });
  };
  if (k <= 2 * longestSum) walk('0', String(k), sums);
  else {
    writer.block(`for (var block = 0; block < ${k}; block += ${longestSum})`, () => {
      const parts = declare('part');
      const end = k % longestSum === 0 ? `block + ${longestSum}` : `min(block + ${longestSum}, ${k})`;
      walk('block', end, parts);
      parts.flat().forEach((part, i) => {
        writer.line(`${sums.flat()[i]} += ${part};`);
      });
    });
  }
  writeResults(emitter, kernel, point, sums, alongN, { rows, columns });
  return module.finish(`${kernel.name}: ${rows} by ${columns} results a thread`, threads, builtins, groups);
}

function viewsOf(
  { slots }: KernelSite,
  kernel: MatmulKernel,
  lengths: readonly number[],
  tiling: Tiling,
  alongN: LaneAxis | null,
): Views {
  const rank = kernel.batch.length;
  const views = new Views(slots);
  // Four from the last position of an axis on are whole only where four divides it.
  const formsAlong = (along: Along, outer: number): LaneForms | null => {
    const axis = along === 'k' ? rank + 2 : outer;
    return along === null || (lengths[axis] ?? 0) % 4 !== 0 ? null : new LaneForms({ axis, count: 4 }, lengths);
  };
  views.loads([kernel.a], formsAlong(tiling.a, rank));
  views.loads([kernel.b], formsAlong(tiling.b, rank + 1));
  views.stores(kernel.stores, formsAlong(alongN === null ? null : 'outer', rank + 1), true);
  return views;
}

/** Adds the terms of one turn: a[row][term] * b[term][columns]. */
function writeTerms(
  emitter: Emitter,
  kernel: MatmulKernel,
  point: Point,
  tiling: Tiling,
  accumulators: readonly (readonly string[])[],
): void {
  const { writer } = emitter.module;
  const left = writeLeft(emitter, kernel, point, tiling);
  const { rows, columns, width, step } = tiling;
  const terms = Array.from({ length: step }, (_, t) => t);
  for (let v = 0; v < columns / width; v++) {
    const right = writeRight(emitter, kernel, moved(point, kernel.batch.length + 1, 4 * v), tiling);
    for (let r = 0; r < rows; r++) {
      for (const t of terms) writer.line(`${accumulators[r]?.[v]} += ${left[r]?.[t]} * ${right[t]};`);
    }
  }
}

/** The elements of the left operand, by row and term. */
function writeLeft(emitter: Emitter, kernel: MatmulKernel, point: Point, { rows, step, a }: Tiling): string[][] {
  const rank = kernel.batch.length;
  const [mAxis, kAxis] = [rank, rank + 2];
  const terms = Array.from({ length: step }, (_, t) => t);
  const left: string[][] = Array.from({ length: rows }, () => []);
  if (a === 'outer') {
    for (const t of terms) {
      for (let r = 0; r < rows; r += 4) {
        const at = moved(moved(point, kAxis, t), mAxis, r).along({ axis: mAxis, count: 4 });
        const four = named(emitter, emitter.wide(emitter.value(kernel.a, at), 4), 'a');
        for (const [i, letter] of letters.entries()) left[r + i]?.push(`${four}.${letter}`);
      }
    }
    return left;
  }
  left.forEach((row, r) => {
    const at = moved(point, mAxis, r);
    if (a === 'k') {
      const four = named(emitter, emitter.wide(emitter.value(kernel.a, at.along({ axis: kAxis, count: 4 })), 4), 'a');
      row.push(...terms.map((t) => `${four}.${letters[t]}`));
    } else row.push(...terms.map((t) => emitter.named(kernel.a, moved(at, kAxis, t), 'a').text));
  });
  return left;
}

/** A vector of the right operand for each term. */
function writeRight(emitter: Emitter, kernel: MatmulKernel, point: Point, { width, step, b }: Tiling): string[] {
  const rank = kernel.batch.length;
  const [nAxis, kAxis] = [rank + 1, rank + 2];
  const terms = Array.from({ length: step }, (_, t) => t);
  if (b !== 'k') {
    const lane: LaneAxis | null = b === 'outer' ? { axis: nAxis, count: 4 } : null;
    return terms.map((t) => {
      const value = emitter.value(kernel.b, moved(point, kAxis, t).along(lane));
      return named(emitter, emitter.wide(value, width), 'b');
    });
  }
  const byColumn = Array.from({ length: width }, (_, c) => {
    const at = moved(point, nAxis, c).along({ axis: kAxis, count: 4 });
    return named(emitter, emitter.wide(emitter.value(kernel.b, at), 4), 'b');
  });
  return terms.map((t) => {
    const parts = byColumn.map((four) => `${four}.${letters[t]}`);
    return width === 1 ? (parts[0] as string) : named(emitter, `vec4(${parts.join(', ')})`, 'b');
  });
}
