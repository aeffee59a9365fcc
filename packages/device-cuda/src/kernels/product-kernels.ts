/**
 * How a matrix product is best run on a card: the size of its tiles, tensor cores or not, and sums that are cut into parts which are computed side by side.
 * Owns the choice, by an estimate of the time of each form, and the kernel that joins parts; the code is in the files of each form.
 */
import { type Expression, isFloat, type LoopKernel, type MatmulKernel } from '@torchlet/device';
import { storedBytes } from '../ptx/dtypes.js';
import type { KernelCode } from '../ptx/module.js';
import { rowBytesAlongK } from './operand-tile.js';
import { wayOf } from './operand-way.js';
import { partAxis, productLengths, type Tiling } from './product.js';
import type { KernelSite } from './site.js';
import { apply, axis, flatIndex, substitution } from './split.js';
import { type Factor, factorOf, tensorCoreProduct, type WarpForm } from './tensor-core-product.js';
import { product } from './threads.js';
import { chunkOf, type ThreadForm, threadsOf, tiledProduct } from './tiled-product.js';
import { warpSize } from './warp-results.js';
import {
  type GroupForm,
  groupThreadsOf,
  hasStages,
  isForWarpgroups,
  termsByWarpgroups,
  warpgroupProduct,
} from './warpgroup-product.js';

/** Rows, columns and terms below which a tile is mostly empty. */
const leastSide = 16;
/** Terms that a part should have at least, and parts that one sum may have at most. */
const shortestPart = 128;
const mostParts = 64;

/**
 * A form, and what is expected of it: the part of a multiprocessor's multiplications that it reaches with enough warps, by how often it reads shared memory for
 * each; and the blocks that fit by their registers, which are fewer where threads hold more of the operands: both lie along k, or one is computed.
 */
type Rated<Form> = Form & { readonly rate: number; readonly blocks: number; readonly blocksHeld: number };

const threadForms: readonly Rated<ThreadForm>[] = [
  { rows: 128, columns: 128, down: 2, across: 2, rate: 0.9, blocks: 2, blocksHeld: 1 },
  { rows: 128, columns: 64, down: 2, across: 2, rate: 0.85, blocks: 4, blocksHeld: 3 },
  { rows: 64, columns: 128, down: 2, across: 2, rate: 0.85, blocks: 4, blocksHeld: 3 },
  { rows: 64, columns: 64, down: 2, across: 1, rate: 0.7, blocks: 4, blocksHeld: 4 },
  { rows: 32, columns: 32, down: 1, across: 1, rate: 0.5, blocks: 8, blocksHeld: 8 },
];
/** Of float64, 2 values being a chunk. */
const wideForms: readonly Rated<ThreadForm>[] = [
  { rows: 64, columns: 64, down: 2, across: 2, rate: 0.8, blocks: 2, blocksHeld: 2 },
  { rows: 32, columns: 32, down: 2, across: 2, rate: 0.6, blocks: 8, blocksHeld: 8 },
];
const warpForms: readonly Rated<WarpForm>[] = [
  { rows: 128, columns: 128, down: 2, across: 2, rate: 0.9, blocks: 2, blocksHeld: 2 },
  { rows: 128, columns: 64, down: 2, across: 2, rate: 0.75, blocks: 3, blocksHeld: 2 },
  { rows: 64, columns: 128, down: 2, across: 2, rate: 0.75, blocks: 3, blocksHeld: 2 },
  { rows: 64, columns: 64, down: 2, across: 2, rate: 0.6, blocks: 4, blocksHeld: 3 },
];
/** As warpgroups compute them; by columns and stages, fewer blocks fit. Like all rates this is an estimate, which no card has measured. */
const groupForms: readonly Rated<GroupForm>[] = [
  { rows: 128, columns: 256, rate: 0.85, blocks: 1, blocksHeld: 1 },
  { rows: 128, columns: 128, rate: 0.75, blocks: 2, blocksHeld: 2 },
  { rows: 64, columns: 128, rate: 0.6, blocks: 3, blocksHeld: 3 },
];

/** Multiplications of a multiprocessor in a cycle, and with how many warps it comes to half of them; ratios are what matters. */
const speeds: Readonly<Record<'f32' | 'f64' | Factor, { readonly perCycle: number; readonly halfAt: number }>> = {
  f32: { perCycle: 128, halfAt: 4 },
  f64: { perCycle: 64, halfAt: 4 },
  tf32: { perCycle: 512, halfAt: 2 },
  bf16: { perCycle: 1024, halfAt: 2 },
  f16: { perCycle: 1024, halfAt: 2 },
};
/** The same by warpgroups: what compute capability 9.0 has of tensor cores, of which the instructions of warps reach about half. */
const groupSpeeds: Readonly<Record<Factor, { readonly perCycle: number; readonly halfAt: number }>> = {
  tf32: { perCycle: 1024, halfAt: 2 },
  bf16: { perCycle: 2048, halfAt: 2 },
  f16: { perCycle: 2048, halfAt: 2 },
};
/** Tiles along k from which on a product may be left to warpgroups: with fewer, most of the time goes to the first and to the results. */
const leastTiles = 4;
/** Cycles until a block's first tile is there and until its last results are out; of one more launch; bytes of memory in a cycle. */
const blockCycles = 2000;
const launchCycles = 4000;
const memoryBytes = 1000;

/** A form that a product could take, and who multiplies in it. */
type Candidate = (
  | { readonly by: 'threads'; readonly form: Rated<ThreadForm> }
  | { readonly by: 'warps'; readonly form: Rated<WarpForm>; readonly factor: Factor }
  | { readonly by: 'warpgroups'; readonly form: Rated<GroupForm>; readonly factor: Factor }
) & {
  readonly threads: number;
  /** Terms of a tile. */
  readonly terms: number;
  readonly speed: { readonly perCycle: number; readonly halfAt: number };
};

type Choice = Candidate & { readonly blocks: number; readonly parts: number; readonly partTerms: number };

/** The product by tiles, and what joins its parts where there are several; null where a thread for each result is better. */
export function productKernels(
  kernel: MatmulKernel,
  site: KernelSite,
): { readonly code: KernelCode; readonly join: LoopKernel | null } | null {
  const choice = choiceOf(kernel, site);
  if (choice === null) return null;
  if (choice.parts === 1) return { code: codeOf(kernel, site, choice, true), join: null };
  const { inParts, join } = splitProduct(kernel, choice.parts, site);
  // Parts of halves are kept as float32, which they were summed in.
  return { code: codeOf(inParts, site, choice, false), join };
}

function codeOf(kernel: MatmulKernel, site: KernelSite, choice: Choice, rounds: boolean): KernelCode {
  const { by, form, threads, blocks, parts, partTerms, terms } = choice;
  const { rows, columns } = form;
  const tiling: Tiling = { rows, columns, terms, threads, blocks, parts, partTerms, rounds };
  switch (by) {
    case 'threads':
      return tiledProduct(site, kernel, choice.form, tiling);
    case 'warps':
      return tensorCoreProduct(site, kernel, choice.factor, choice.form, tiling);
    case 'warpgroups':
      return warpgroupProduct(site, kernel, choice.factor, choice.form, tiling);
    default: {
      const never: never = by;
      return never;
    }
  }
}

function isWorthTiling({ batch, m, n, k, dtype }: MatmulKernel): boolean {
  return isFloat(dtype) && Math.min(m, n, k) >= leastSide && product(batch) > 0;
}

/** The forms that there are for a product. Whether warpgroups pay is then for the estimate to say, unless all that they can do is asked of them. */
function candidatesOf(kernel: MatmulKernel, site: KernelSite): Candidate[] {
  const { dtype } = kernel;
  const { wgmma } = site.target;
  const factor = factorOf(kernel, site.target);
  const terms = rowBytesAlongK / storedBytes(dtype);
  if (factor === null) {
    const isWide = dtype === 'float64';
    const speed = speeds[isWide ? 'f64' : 'f32'];
    return (isWide ? wideForms : threadForms).map((form) => {
      return { by: 'threads', form, threads: threadsOf(form, chunkOf(kernel)), terms, speed };
    });
  }
  const byGroups = (wgmma === 'off' || !isForWarpgroups(kernel, factor) ? [] : groupForms)
    .filter((form) => hasStages(form, site) && (wgmma === 'always' || isFilled(kernel, form)))
    .map((form): Candidate => {
      const speed = groupSpeeds[factor];
      return { by: 'warpgroups', form, factor, threads: groupThreadsOf(form), terms: termsByWarpgroups(kernel), speed };
    });
  if (wgmma === 'always' && byGroups.length > 0) return byGroups;
  const byWarps = warpForms.map((form): Candidate => {
    return { by: 'warps', form, factor, threads: form.down * form.across * warpSize, terms, speed: speeds[factor] };
  });
  return [...byGroups, ...byWarps];
}

function isFilled({ m, n, k, dtype }: MatmulKernel, { rows, columns }: GroupForm): boolean {
  return m >= rows && n >= columns && k >= leastTiles * termsByWarpgroups({ dtype });
}

/** The form and number of parts whose estimate is least. */
function choiceOf(kernel: MatmulKernel, site: KernelSite): Choice | null {
  if (!isWorthTiling(kernel)) return null;
  const lengths = productLengths(kernel, 1);
  const ways = (['a', 'b'] as const).map((operand) => wayOf(kernel, operand, lengths));
  const areHeld = ways.every(({ along }) => along === 'k') || ways.some(({ isCopied }) => !isCopied);
  let best: { choice: Choice; cycles: number } | null = null;
  for (const candidate of candidatesOf(kernel, site)) {
    const { form, terms } = candidate;
    const blocks = areHeld ? form.blocksHeld : form.blocks;
    for (const parts of partCounts(kernel, form, site)) {
      const partTerms = Math.ceil(kernel.k / parts / terms) * terms;
      const choice = { ...candidate, blocks, parts: Math.ceil(kernel.k / partTerms), partTerms };
      const cycles = cyclesOf(kernel, site, choice);
      if (best === null || cycles < best.cycles) best = { choice, cycles };
    }
  }
  return best?.choice ?? null;
}

/** One part, or as many as make whole turns of the card's multiprocessors. */
function partCounts({ batch, m, n, k }: MatmulKernel, form: Candidate['form'], { target }: KernelSite): number[] {
  const tiles = product(batch) * Math.ceil(m / form.rows) * Math.ceil(n / form.columns);
  const most = Math.min(mostParts, Math.floor(k / shortestPart));
  const counts = [1, 2, 3, 4].map((turns) => Math.floor((turns * target.multiprocessors) / tiles));
  return [1, ...counts.map((count) => Math.min(count, most)).filter((count) => count > 1)];
}

function cyclesOf({ batch, m, n }: MatmulKernel, { target }: KernelSite, choice: Choice): number {
  const { form, threads, parts, partTerms, speed } = choice;
  const { perCycle, halfAt } = speed;
  const blocks = parts * product(batch) * Math.ceil(m / form.rows) * Math.ceil(n / form.columns);
  const each = Math.ceil(blocks / target.multiprocessors);
  const resident = (Math.min(each, choice.blocks) * threads) / warpSize;
  const rate = (perCycle * form.rate * resident) / (resident + halfAt);
  const multiplying = (each * form.rows * form.columns * partTerms) / rate;
  const joining = parts === 1 ? 0 : launchCycles + (2 * parts * product(batch) * m * n * 4) / memoryBytes;
  return multiplying + blockCycles + joining;
}

/** The product in parts, whose results go to scratch memory, and the kernel that joins them and does the epilogue. */
function splitProduct(
  kernel: MatmulKernel,
  parts: number,
  site: KernelSite,
): { readonly inParts: MatmulKernel; readonly join: LoopKernel } {
  const { batch, m, n, dtype, result } = kernel;
  const partDType = dtype === 'float64' ? dtype : 'float32';
  const shape = [...batch, m, n];
  const slot = site.scratch(partDType, parts * product(shape));
  const index = flatIndex([parts, ...shape]);
  const places = (part: number): Map<number, Expression> =>
    new Map([[0, axis(part)], ...shape.map((_, i): [number, Expression] => [i + 1, axis(i)])]);
  const at = (part: number): Expression => substitution(places(part), new Map())(index);
  const part: Expression = {
    kind: 'load',
    dtype: partDType,
    slot,
    index: at(shape.length),
    mask: null,
    otherwise: 0,
  };
  const whole: Expression = { kind: 'result', dtype: partDType, id: result };
  const rounded = partDType === dtype ? whole : apply('cast', [whole], dtype);
  const epilogue = substitution(new Map(), new Map([[result, rounded]]));
  return {
    inParts: {
      ...kernel,
      name: `${kernel.name} in parts`,
      stores: [{ slot, index: at(partAxis(kernel)), value: { kind: 'result', dtype, id: result }, mask: null }],
    },
    join: {
      kind: 'loop',
      name: `${kernel.name} joined`,
      axes: shape,
      phases: [
        { lengths: [parts], reductions: [{ id: result, combine: 'sum', dtype: partDType, of: part }], stores: [] },
        {
          lengths: [],
          reductions: [],
          stores: kernel.stores.map((store) => ({
            slot: store.slot,
            index: epilogue(store.index),
            value: epilogue(store.value),
            mask: store.mask === null ? null : epilogue(store.mask),
          })),
        },
      ],
    },
  };
}
