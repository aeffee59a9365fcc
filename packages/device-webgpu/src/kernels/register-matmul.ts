/**
 * Matrix products where a thread computes a tile of up to 4 by 4 results in registers and shares nothing: for emulated adapters, whose barriers are slow,
 * and for thin products. Operands are vectors along k, m or n, whichever lies so in memory. Owns this variant; `tiled-matmul.ts` is
 * the one through workgroup memory.
 */
import { type Expression, type MatmulKernel, postorder } from '@torchlet/device';
import { Emitter, type Lane, Point, type Value } from '../wgsl/emitter.js';
import { type KernelCode, KernelModule, type KernelSite } from '../wgsl/kernel-module.js';
import { kindOf, typeName, type Width } from '../wgsl/kinds.js';
import { LaneForms } from '../wgsl/lane-form.js';
import { matmulLengths, moved, named, writeResults } from './matmul-results.js';
import { startText } from './reduction.js';
import { storeRoots, Views, writtenSlots } from './slots.js';
import { axisName, product, threadsPerGroup, writePositions, writeThread } from './threads.js';

/** Terms that are summed before they join the rest. */
const longestSum = 512;
const letters = ['x', 'y', 'z', 'w'] as const;

/** Along which axis an operand is read four at a time. */
type Along = 'k' | 'outer' | null;

interface Tiling {
  readonly rows: number;
  readonly columns: Width;
  /** Terms of k that one turn takes. */
  readonly step: Width;
  readonly a: Along;
  readonly b: Along;
}

function tilingOf(kernel: MatmulKernel, lengths: readonly number[]): Tiling {
  const { m, n, k, a, b, batch } = kernel;
  const rank = batch.length;
  const rows = Math.min(4, m);
  const columns: Width = n > 2 ? 4 : 1;
  const contiguous = (operand: Expression, axis: number): boolean => {
    const forms = new LaneForms({ axis, multiple: 4 }, lengths);
    const strides = postorder([operand]).flatMap((part) => (part.kind === 'load' ? [forms.of(part.index).stride] : []));
    return strides.includes(1) && strides.every((stride) => stride === 0 || stride === 1);
  };
  const aAlongK = contiguous(a, rank + 2);
  const bAlongK = contiguous(b, rank + 2);
  const step: Width = k % 4 === 0 && (aAlongK || bAlongK) ? 4 : 1;
  return {
    rows,
    columns,
    step,
    a: step === 4 && aAlongK ? 'k' : rows === 4 && contiguous(a, rank) ? 'outer' : null,
    b: step === 4 && bAlongK ? 'k' : columns === 4 ? 'outer' : null,
  };
}

/** Threads of the register variant. */
export function registerThreads({ batch, m, n }: MatmulKernel): number {
  return product(batch) * Math.ceil(m / Math.min(4, m)) * Math.ceil(n / (n > 2 ? 4 : 1));
}

export function registerMatmul(site: KernelSite, kernel: MatmulKernel): KernelCode {
  const { batch, m, n, k, stores } = kernel;
  const lengths = matmulLengths(kernel);
  const rank = batch.length;
  const tiling = tilingOf(kernel, lengths);
  const { rows, columns, step } = tiling;
  const alongN: Lane | null = columns === 4 ? { axis: rank + 1, multiple: 4 } : null;
  const written = writtenSlots(stores);
  const views = viewsOf(kernel, lengths, tiling, alongN);
  const module = new KernelModule(site, kernel.name, written, views.views);
  const emitter = new Emitter(module, lengths, written, [kernel.a, kernel.b, ...storeRoots(stores)]);
  const { writer } = module;
  const { groups, builtins } = writeThread(module, 'tile', registerThreads(kernel));
  const steps = [...batch.map(() => 1), rows, columns];
  const coordinates = writePositions(module, 'tile', [...batch, m, n], steps);
  const point = new Point(coordinates, new Map<number, Value>(), null);

  const type = typeName(kindOf(kernel.dtype), columns);
  const start = startText(module, { combine: 'sum', dtype: kernel.dtype }, columns);
  const declare = (stem: string): string[] =>
    Array.from({ length: rows }, (_, r) => {
      const name = `${stem}${r}`;
      writer.line(`var ${name}: ${type} = ${start};`);
      return name;
    });
  const sums = declare('sum');
  const counter = axisName(rank + 2);
  const walk = (from: string, to: string, accumulators: readonly string[]): void => {
    writer.block(
      `for (var ${counter} = ${from}; ${counter} < ${to}; ${step === 1 ? `${counter}++` : `${counter} += ${step}`})`,
      () => {
        writeTerms(emitter, kernel, point.with(rank + 2, { text: counter, scope: writer.scope }), tiling, accumulators);
      },
    );
  };
  if (k <= 2 * longestSum) walk('0', String(k), sums);
  else {
    writer.block(`for (var block = 0; block < ${k}; block += ${longestSum})`, () => {
      const parts = declare('part');
      walk('block', k % longestSum === 0 ? `block + ${longestSum}` : `min(block + ${longestSum}, ${k})`, parts);
      parts.forEach((part, r) => {
        writer.line(`${sums[r]} += ${part};`);
      });
    });
  }
  writeResults(emitter, kernel, point, sums, alongN, { rows, columns });
  return module.finish(`${kernel.name}: ${rows} by ${columns} results a thread`, threadsPerGroup, builtins, groups);
}

function viewsOf(kernel: MatmulKernel, lengths: readonly number[], tiling: Tiling, alongN: Lane | null): Views {
  const rank = kernel.batch.length;
  const views = new Views();
  // Four from the last position of an axis on are whole only where four divides it.
  const formsAlong = (along: Along, outer: number): LaneForms | null => {
    const axis = along === 'k' ? rank + 2 : outer;
    return along === null || (lengths[axis] ?? 0) % 4 !== 0 ? null : new LaneForms({ axis, multiple: 4 }, lengths);
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
  accumulators: readonly string[],
): void {
  const { writer } = emitter.module;
  const rank = kernel.batch.length;
  const { rows, columns, step } = tiling;
  const [mAxis, nAxis, kAxis] = [rank, rank + 1, rank + 2];
  const terms = Array.from({ length: step }, (_, t) => t);
  const lane = (axis: number): Lane => ({ axis, multiple: 4 });
  const wide = (value: Value): string => emitter.wide(value, 4);

  const left: string[][] = Array.from({ length: rows }, () => []);
  for (let r = 0; r < rows; r++) {
    const at = moved(point, mAxis, r);
    if (tiling.a === 'k') {
      const four = named(emitter, wide(emitter.value(kernel.a, at.along(lane(kAxis)))), 'a');
      for (const t of terms) left[r]?.push(`${four}.${letters[t]}`);
    } else if (tiling.a === null) {
      for (const t of terms) left[r]?.push(emitter.named(kernel.a, moved(at, kAxis, t), 'a').text);
    }
  }
  if (tiling.a === 'outer') {
    for (const t of terms) {
      const four = named(emitter, wide(emitter.value(kernel.a, moved(point, kAxis, t).along(lane(mAxis)))), 'a');
      for (let r = 0; r < rows; r++) left[r]?.push(`${four}.${letters[r]}`);
    }
  }

  let right: string[];
  if (tiling.b === 'k') {
    const byColumn = Array.from({ length: columns }, (_, c) =>
      named(emitter, wide(emitter.value(kernel.b, moved(point, nAxis, c).along(lane(kAxis)))), 'b'),
    );
    right = terms.map((t) => {
      const parts = byColumn.map((four) => `${four}.${letters[t]}`);
      return columns === 1 ? (parts[0] as string) : named(emitter, `vec4(${parts.join(', ')})`, 'b');
    });
  } else {
    const along = tiling.b === 'outer' ? lane(nAxis) : null;
    right = terms.map((t) => {
      const value = emitter.value(kernel.b, moved(point, kAxis, t).along(along));
      return named(emitter, emitter.wide(value, columns), 'b');
    });
  }
  for (let r = 0; r < rows; r++) {
    for (const t of terms) writer.line(`${accumulators[r]} += ${left[r]?.[t]} * ${right[t]};`);
  }
}
