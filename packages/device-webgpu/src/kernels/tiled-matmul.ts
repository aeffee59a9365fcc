/**
 * Matrix products through workgroup memory, for real adapters: the threads of a workgroup load a tile of each operand together, and each multiplies what 4 or 8
 * rows and 4 columns of results need. Operands are any expressions: convolution's windows, prologues. Owns this variant;
 * `register-matmul.ts` is the one without barriers.
 */
import { type Expression, type MatmulKernel, postorder } from '@torchlet/device';
import { Emitter, Point, type Value } from '../wgsl/emitter.js';
import { type KernelCode, KernelModule, type KernelSite } from '../wgsl/kernel-module.js';
import { kindOf, typeName } from '../wgsl/kinds.js';
import { LaneForms } from '@torchlet/device/analysis';
import { matmulLengths, named, writeResults } from './matmul-results.js';
import { startText } from './reduction.js';
import { storeRoots, Views, writtenSlots } from './slots.js';
import { product, spreadGroups, writePositions } from './threads.js';

/** Threads along each side of a workgroup, and terms of k in one tile. */
const side = 16;
const terms = 16;
/** Vectors of one row of a tile in workgroup memory: one more than used, so that columns of a tile lie in different banks. */
const pitch = (vectors: number): number => vectors + 1;
const letters = ['x', 'y', 'z', 'w'] as const;
/** Terms that are summed before they join the rest: a multiple of a tile's. */
const longestSum = 512;

/** Products of at least this size are worth the barriers. */
export function isWorthTiling({ m, n, k }: MatmulKernel): boolean {
  return m >= 32 && n >= 32 && k >= 16;
}

/** Rows that one thread computes: more where there are results enough for every thread of an adapter. */
function rowsOf({ batch, m, n }: MatmulKernel): 4 | 8 {
  return m >= 128 && product(batch) * m * n >= 512 * 512 ? 8 : 4;
}

export function tiledMatmul(site: KernelSite, kernel: MatmulKernel): KernelCode {
  const { batch, m, n, k, stores, dtype } = kernel;
  const lengths = matmulLengths(kernel);
  const rank = batch.length;
  const rows = rowsOf(kernel);
  const block = { rows: side * rows, columns: side * 4 };
  const written = writtenSlots(stores);
  const alongN = { axis: rank + 1, count: 4 };
  const formsAlong = (axis: number): LaneForms | null =>
    (lengths[axis] ?? 0) % 4 === 0 ? new LaneForms({ axis, count: 4 }, lengths) : null;
  const views = new Views(site.slots);
  views.loads([kernel.a], formsAlong(rank));
  views.loads([kernel.b], formsAlong(rank + 1));
  views.stores(stores, formsAlong(rank + 1), true);
  const module = new KernelModule(site, kernel.name, written, views.views);
  const emitter = new Emitter(module, lengths, written, [kernel.a, kernel.b, ...storeRoots(stores)]);
  const { writer } = module;

  const tiles = product(batch) * Math.ceil(m / block.rows) * Math.ceil(n / block.columns);
  const groups = spreadGroups(tiles, site.target.maxGroupsPerDimension);
  writer.line(groups[1] === 1 ? 'let tile = i32(group.x);' : `let tile = i32(group.y * ${groups[0]}u + group.x);`);
  if (groups[0] * groups[1] !== tiles) writer.block(`if (tile >= ${tiles})`, () => writer.line('return;'));
  const steps = [...batch.map(() => 1), block.rows, block.columns];
  const corner = new Point(writePositions(module, 'tile', [...batch, m, n], steps), new Map<number, Value>(), null);
  writer.line('let thread = i32(local);');
  writer.line(`let across = thread % ${side};`);
  writer.line(`let down = thread / ${side};`);

  const type = typeName(kindOf(dtype), 4);
  const start = startText(module, { combine: 'sum', dtype }, 4);
  const declare = (stem: string): string[] =>
    Array.from({ length: rows }, (_, r) => {
      writer.line(`var ${stem}${r}: ${type} = ${start};`);
      return `${stem}${r}`;
    });
  const sums = declare('sum');
  const left: Tile = { name: 'a_tile', operand: kernel.a, axis: rank, vectors: (side * rows) / 4 };
  const right: Tile = { name: 'b_tile', operand: kernel.b, axis: rank + 1, vectors: side };
  for (const { name, vectors } of [left, right]) module.shared(name, `array<${type}, ${terms * pitch(vectors)}>`);
  const walk = (from: string, to: string, accumulators: readonly string[]): void => {
    writer.block(`for (var k_tile = ${from}; k_tile < ${to}; k_tile += ${terms})`, () => {
      for (const tile of [left, right]) writeTile(emitter, kernel, tile, corner);
      writer.line('workgroupBarrier();');
      writeTerms(emitter, left, right, accumulators);
      writer.line('workgroupBarrier();');
    });
  };
  if (k <= 2 * longestSum) walk('0', String(k), sums);
  else {
    writer.block(`for (var block = 0; block < ${k}; block += ${longestSum})`, () => {
      const parts = declare('part');
      walk('block', `min(block + ${longestSum}, ${k})`, parts);
      parts.forEach((part, r) => {
        writer.line(`${sums[r]} += ${part};`);
      });
    });
  }
  const inside = movedBy(movedBy(corner, rank, `down * ${rows}`, emitter), rank + 1, 'across * 4', emitter);
  writeResults(
    emitter,
    kernel,
    inside,
    sums.map((sum) => [sum]),
    alongN,
    block,
  );
  const builtins = ['@builtin(workgroup_id) group: vec3<u32>', '@builtin(local_invocation_index) local: u32'];
  const comment = `${kernel.name}: tiles of ${block.rows} by ${block.columns} results, ${rows} by 4 a thread`;
  return module.finish(comment, side * side, builtins, groups);
}

/** A tile of one operand: `terms` rows of vectors along the axis that the operand has for itself. */
interface Tile {
  readonly name: string;
  readonly operand: Expression;
  readonly axis: number;
  readonly vectors: number;
}

/** Adds what one pair of tiles gives to the rows of a thread. */
function writeTerms(emitter: Emitter, left: Tile, right: Tile, accumulators: readonly string[]): void {
  const { writer } = emitter.module;
  const vectors = accumulators.length / 4;
  writer.block(`for (var term = 0; term < ${terms}; term++)`, () => {
    const a = Array.from({ length: vectors }, (_, i) => {
      const at = vectors === 1 ? 'down' : `${vectors} * down + ${i}`;
      return named(emitter, `a_tile[term * ${pitch(left.vectors)} + ${at}]`, 'a');
    });
    const b = named(emitter, `b_tile[term * ${pitch(right.vectors)} + across]`, 'b');
    accumulators.forEach((sum, r) => {
      writer.line(`${sum} += ${a[Math.floor(r / 4)]}.${letters[r % 4]} * ${b};`);
    });
  });
}

/** Loads a tile: each thread a vector or two. Neighbouring threads go along whichever axis lies so in memory. */
function writeTile(
  emitter: Emitter,
  kernel: MatmulKernel,
  { name, operand, axis, vectors }: Tile,
  corner: Point,
): void {
  const { writer } = emitter.module;
  const { k, batch, dtype } = kernel;
  const kAxis = batch.length + 2;
  const alongTerms = liesAlong(operand, kAxis, matmulLengths(kernel));
  for (let part = 0; part < vectors / side; part++) {
    const offset = part * side;
    const vector = named(emitter, `${alongTerms ? 'down' : 'across'}${offset === 0 ? '' : ` + ${offset}`}`, 'vector');
    const term = alongTerms ? 'across' : 'down';
    const position = named(emitter, `k_tile + ${term}`, 'k');
    const at = movedBy(corner, axis, `${vector} * 4`, emitter).with(kAxis, { text: position, scope: writer.scope });
    const value = emitter.value(operand, at.along({ axis, count: 4 }));
    const wide = emitter.wide(value, 4);
    const nothing = startText(emitter.module, { combine: 'sum', dtype }, 4);
    const inside = k % terms === 0 ? wide : `select(${nothing}, ${wide}, ${position} < ${k})`;
    writer.line(`${name}[${term} * ${pitch(vectors)} + ${vector}] = ${inside};`);
  }
}

/** Whether neighbours along `axis` are neighbours in memory. */
function liesAlong(operand: Expression, axis: number, lengths: readonly number[]): boolean {
  const forms = new LaneForms({ axis, count: 2 }, lengths);
  return postorder([operand]).some((part) => part.kind === 'load' && forms.of(part.index).stride === 1);
}

/** The point moved along `axis` by a number known at run time. */
function movedBy(point: Point, axis: number, by: string, emitter: Emitter): Point {
  const { writer } = emitter.module;
  const from = point.coordinates.get(axis)?.text ?? '0';
  const text = named(emitter, from === '0' ? by : `${from} + ${by}`, 'at');
  return point.with(axis, { text, scope: writer.scope });
}
