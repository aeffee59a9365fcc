/**
 * How one matmul is computed: which dimension the vectors lie along, what is copied first, the tiles, the blocks. A plan is plain data.
 * Owns the decisions and their reasons, which are measurements (see `bench/`); the code that follows a plan is `matmul-kernel.ts`.
 *
 * Two forms of tile. `splat`: vectors of columns of the right operand times single elements of the left. `dot`: vectors along k of both,
 * summed across at the end; for weights stored [out, in]. Eight accumulators keep both arithmetic units busy and all in registers.
 */
import type { Dimension, MatmulOperand, TableOperand } from './operand.js';

/** Strips of columns of one width, and the rows of their tiles. */
export interface Strips {
  /** First column. */
  readonly from: number;
  /** Columns of a strip: a multiple of four but for the last one; in dots over one piece of k any number. */
  readonly width: number;
  readonly count: number;
  readonly tileRows: number;
}

export interface MatmulPlan {
  /** Whether the roles of m and n, and of a and b, are exchanged: then the vectors lie along m. */
  readonly swapped: boolean;
  readonly form: 'splat' | 'dot';
  readonly rows: number;
  readonly columns: number;
  readonly k: number;
  readonly packLeft: boolean;
  readonly packRight: boolean;
  /** The strips of full width, then the rest, if any. */
  readonly strips: readonly Strips[];
  /** Rows, columns and terms of k that are taken at a time. */
  readonly rowBlock: number;
  readonly columnBlock: number;
  readonly depth: number;
  /** What the parts of the work are: `unit` rows, or `unit` columns. */
  readonly split: 'rows' | 'columns';
  readonly unit: number;
  /** Whether all rows are done for a strip before the next one, or all strips for a tile of rows. */
  readonly order: 'strips' | 'rows';
}

/** The sizes of a product and its operands, for one choice of roles. */
export interface Roles {
  readonly swapped: boolean;
  readonly rows: number;
  readonly columns: number;
  readonly k: number;
  readonly left: MatmulOperand;
  readonly right: MatmulOperand;
  /** Bytes of a lane. */
  readonly width: number;
  /** Vectors of four columns. */
  readonly pieces: number;
  /** Whether most stores lie next to each other along the columns. */
  readonly storesAlongColumns: boolean;
}

const accumulators = 8;
/** Packed columns that are walked for each tile of rows: they stay in the second cache. */
const columnBlockBytes = 512 * 1024;
const rowBlockBytes = 4096 * 1024;
/** A left operand that stays in the first cache while a strip of the right one is used for all of it. */
const leftInFirstCache = 24 * 1024;
/** Longest chain of additions of one accumulator before its sum is put aside. */
const chain = 1024;
/** Of the right operand of dots whose left one is copied, so that it stays near while the rows go by. */
const rightInDotsBytes = 64 * 1024;
const shortestPiece = 256;
/** Right operands below this are walked where they are. */
const packFromBytes = 256 * 1024;

/** Cost of a step of k for a tile: arithmetic, but never less than what hides its latency, and loads. Nine accumulators are one too many. */
function stepCost(rows: number, vectors: number): number {
  const arithmetic = rows * vectors > accumulators ? 1.05 * rows * vectors : accumulators;
  return arithmetic + 0.4 * (rows + vectors);
}

function tileFits(rows: number, vectors: number): boolean {
  return rows * vectors <= accumulators || (rows === 3 && vectors === 3);
}

/** Vectors of a strip of `width` columns: in dots, one for each column. */
function vectorsOf(form: MatmulPlan['form'], width: number, pieces: number): number {
  return form === 'dot' ? width : Math.ceil(width / 4) * pieces;
}

function stripsCost(rows: number, vectors: number, tileRows: number): number {
  const rest = rows % tileRows;
  return Math.floor(rows / tileRows) * stepCost(tileRows, vectors) + (rest > 0 ? stepCost(rest, vectors) : 0);
}

/** The best number of rows for tiles of so many vectors. */
function bestRows(rows: number, vectors: number): { tileRows: number; cost: number } {
  let best = { tileRows: 1, cost: Number.POSITIVE_INFINITY };
  for (let tileRows = 1; tileRows <= accumulators && tileRows <= Math.max(rows, 1); tileRows++) {
    if (tileRows > 1 && !tileFits(tileRows, vectors)) break;
    const cost = stripsCost(rows, vectors, tileRows);
    if (cost <= best.cost) best = { tileRows, cost };
  }
  return best;
}

/** The strips that cost least. */
function chooseStrips(
  { form }: Candidate,
  { rows, columns, k, pieces }: Roles,
  depth: number,
): { strips: Strips[]; cost: number } {
  const most = form === 'dot' ? accumulators : (4 * accumulators) / pieces;
  let best: { strips: Strips[]; cost: number } = { strips: [], cost: Number.POSITIVE_INFINITY };
  // Sums that are put aside between pieces of k lie in groups of four.
  const step = form === 'dot' && k <= depth ? 2 : 4;
  for (let width = step; width <= most; width += step) {
    const count = Math.floor(columns / width);
    const rest = columns - count * width;
    const full = bestRows(rows, vectorsOf(form, width, pieces));
    const last = bestRows(rows, vectorsOf(form, rest, pieces));
    const cost = count * full.cost + (rest > 0 ? last.cost : 0);
    // Among equals the wider one: it uses whole cache lines of the right operand. In dots the narrower: tiles of 4x2 take 3 % less than those of 2x4.
    if (cost > best.cost * (form === 'dot' ? 0.999 : 1.001)) continue;
    const strips = [
      { from: 0, width, count, tileRows: full.tileRows },
      { from: count * width, width: rest, count: 1, tileRows: last.tileRows },
    ].filter((strip) => strip.count * strip.width > 0);
    best = { strips, cost };
  }
  return best;
}

/** Whether a step of k lands in the cache lines of so few sets that they evict each other. */
function strideIsBad(bytes: number, k: number): boolean {
  return k >= 64 && bytes >= 4096 && bytes % 4096 === 0;
}

interface Candidate {
  readonly form: MatmulPlan['form'];
  readonly packLeft: boolean;
  readonly packRight: boolean;
}

function candidates(roles: Roles): Candidate[] {
  const { left, right, rows, columns, k, width } = roles;
  const found: Candidate[] = [];
  const leftAlongK = left.kind === 'strided' && (left.k === 1 || k === 1);
  if (right.kind === 'strided' && (right.k === 1 || k === 1))
    found.push({ form: 'dot', packLeft: !leftAlongK, packRight: false });

  const farApart = left.kind === 'strided' && !leftAlongK && Math.abs(left.k) * width >= 1024 && k >= 32;
  const packLeft = left.kind !== 'strided' || (farApart && columns >= 64);
  const rightAlongColumns = right.kind === 'strided' && (right.own === 1 || columns === 1);
  const large = rows >= 64 && k * columns * width > packFromBytes;
  const awkward = right.kind === 'strided' && rows >= 24 && strideIsBad(Math.abs(right.k) * width, k);
  found.push({ form: 'splat', packLeft, packRight: !rightAlongColumns || large || awkward });
  return found;
}

interface Chosen {
  readonly candidate: Candidate;
  readonly strips: readonly Strips[];
  readonly depth: number;
}

/** What copying an element costs, in the measure of `stepCost`, by where its neighbours are: with it, elsewhere, or nowhere before it is computed. */
const copyCosts = { neighbours: 0.7, bounded: 1.2, turned: 1.5, apart: 3, computed: 8 } as const;

function copyCost(operand: MatmulOperand, along: Dimension): number {
  switch (operand.kind) {
    case 'strided':
      return operand[along] === 1 ? copyCosts.neighbours : copyCosts.apart;
    case 'lines':
      return copyCosts.neighbours;
    case 'table':
      return tableCost(operand, along);
    case 'computed':
      return operand.along === null || operand.along === along
        ? copyCosts.computed
        : copyCosts.computed + copyCosts.apart;
    default: {
      const never: never = operand;
      return never;
    }
  }
}

/** Right operands whose lines lie along k are turned as they are copied. */
function tableCost({ along: lines, bounds }: TableOperand, along: Dimension): number {
  if (lines === along) return bounds.length > 0 ? copyCosts.bounded : copyCosts.neighbours;
  return along === 'own' && lines === 'k' ? copyCosts.turned : copyCosts.apart;
}

function packingCost({ rows, columns, k, left, right }: Roles, { packLeft, packRight }: Candidate): number {
  return (packLeft ? rows * k * copyCost(left, 'k') : 0) + (packRight ? columns * k * copyCost(right, 'own') : 0);
}

/** The plan that costs least for each choice of roles, and its cost. */
function planRoles(roles: Roles): { plan: MatmulPlan; cost: number } {
  const options = candidates(roles).map((candidate) => {
    const depth = depthOf(roles, candidate);
    const { strips, cost } = chooseStrips(candidate, roles, depth);
    const lanes = 4 / roles.pieces;
    const steps = candidate.form === 'dot' ? Math.ceil(roles.k / lanes) + 3 : roles.k;
    return { candidate, strips, depth, cost: cost * steps + packingCost(roles, candidate) };
  });
  const best = options.reduce((a, b) => (b.cost < a.cost ? b : a));
  const stores = roles.storesAlongColumns ? 0.5 : 4;
  return {
    plan: withBlocks(roles, best),
    cost: best.cost + stores * roles.rows * roles.columns,
  };
}

function leastCommonMultiple(numbers: readonly number[]): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  return numbers.reduce((a, b) => (a / gcd(a, b)) * b, 1);
}

/** `limit` as a multiple of `unit`, but no more than covers `length`. */
function blockOf(limit: number, unit: number, length: number): number {
  if (limit >= length) return Math.max(Math.ceil(length / unit), 1) * unit;
  return Math.max(Math.floor(limit / unit), 1) * unit;
}

/** Terms of k of which so many bytes are near. */
function piecesOfRight(bytesOfTerm: number): number {
  return Math.max(shortestPiece, rightInDotsBytes / bytesOfTerm);
}

/** Terms of k that are taken at a time: all, or pieces of a multiple of four. */
function depthOf({ rows, columns, k, width }: Roles, { form, packLeft, packRight }: Candidate): number {
  const chained = form === 'dot' ? (chain * 16) / width : chain;
  // Few rows: k is walked in short pieces across all columns, so that the right operand is read line after line.
  const streams = form === 'splat' && !packRight && rows <= 2 && k * columns * width > 4 * packFromBytes;
  const near = form === 'dot' && packLeft ? Math.min(chained, piecesOfRight(columns * width)) : chained;
  const deepest = streams ? 16 : near;
  return Math.max(Math.ceil(k / Math.max(Math.ceil(k / deepest), 1) / 4) * 4, 4);
}

function withBlocks(roles: Roles, { candidate, strips, depth }: Chosen): MatmulPlan {
  const { rows, columns, k, width } = roles;
  const { form, packLeft, packRight } = candidate;
  const rowUnit = leastCommonMultiple(strips.map(({ tileRows }) => tileRows));
  const columnUnit = strips[0]?.width ?? 4;
  const bytesOfK = Math.min(depth, Math.max(k, 1)) * width;
  const blocked = packRight || (form === 'dot' && rows > rowUnit);
  let rowBlock = blockOf(packLeft ? rowBlockBytes / bytesOfK : rows, rowUnit, rows);
  if (k > depth) rowBlock = blockOf(Math.min(rowBlock, rowBlockBytes / (columns * width)), rowUnit, rows);
  const split = splitOf(roles, packLeft, packRight, rowUnit, columnUnit);
  return {
    swapped: roles.swapped,
    form,
    rows,
    columns,
    k,
    packLeft,
    packRight,
    strips,
    rowBlock,
    columnBlock: blockOf(blocked ? columnBlockBytes / bytesOfK : columns, columnUnit, columns),
    depth,
    split,
    unit: split === 'rows' ? rowUnit : columnUnit,
    order: form === 'splat' && !packRight && rows * bytesOfK <= leftInFirstCache ? 'strips' : 'rows',
  };
}

/** Parts should share as little copying as they can: what is packed is packed by each part that needs it. */
function splitOf(
  { rows, columns }: Roles,
  packLeft: boolean,
  packRight: boolean,
  rowUnit: number,
  columnUnit: number,
): MatmulPlan['split'] {
  if (packLeft) return 'rows';
  const [rowUnits, columnUnits] = [Math.ceil(rows / rowUnit), Math.ceil(columns / columnUnit)];
  if (packRight && columnUnits >= 16) return 'columns';
  return columnUnits >= rowUnits ? 'columns' : 'rows';
}

/** The better of the two choices of roles. */
export function planMatmul(choices: readonly Roles[]): MatmulPlan {
  const plans = choices.map(planRoles);
  return plans.reduce((a, b) => (b.cost < a.cost ? b : a)).plan;
}

/** A plan on one line. */
export function printPlan(plan: MatmulPlan): string {
  const strips = plan.strips.map(({ count, width, tileRows }) => `${count} of ${tileRows}x${width}`).join(' + ');
  const packed =
    [plan.packLeft ? 'left' : '', plan.packRight ? 'right' : ''].filter(Boolean).join(' and ') || 'nothing';
  return (
    `${plan.form} [${plan.rows}, ${plan.k}] x [${plan.k}, ${plan.columns}]${plan.swapped ? ' swapped' : ''}: strips ${strips}; ` +
    `packs ${packed}; blocks ${plan.rowBlock} x ${plan.columnBlock} x ${plan.depth}; split by ${plan.unit} ${plan.split}`
  );
}
