/**
 * What every part of a matmul's code needs: the function, the plan, the operands in their roles, where things lie in scratch, the positions
 * of the loops. Owns the translation from rows and columns of the plan to the axes of the kernel; it writes no loop.
 */
import type { Expression, MatmulKernel } from '@torchlet/device';
import type { KernelSite, Pieces, PointEmitter, Points, Position } from '../kernel-function.js';
import { slotParam } from '../kernel-function.js';
import type { LaneMemory } from '../loop/lane-memory.js';
import type { Count } from '../loop/lanes.js';
import { pointEmitter } from '../loop/points.js';
import type { Space } from '../loop/space.js';
import { type FunctionBuilder, i32, i32x4, type Local, type Operand, type Value } from '../wasm/index.js';
import type { Arithmetic } from './arithmetic.js';
import { type Dimension, type MatmulOperand, matmulAxes, type TableOperand } from './operand.js';
import type { MatmulPlan } from './plan.js';

/** A plan and the operands in its roles. */
export interface Planned {
  readonly plan: MatmulPlan;
  readonly left: MatmulOperand;
  readonly right: MatmulOperand;
  readonly arithmetic: Arithmetic;
  /** The axes of the kernel as variables. */
  readonly space: Space;
}

/** Positions along the three dimensions of the plan; those not given are 0. */
export interface At {
  readonly row?: Position;
  readonly column?: Position;
  readonly k?: Position;
}

export type Direction = 'row' | 'column' | 'k';

const origin: Position = { local: null, offset: 0 };

/** Where a table of places and the table of what their bounds compare lie in scratch: see `offset-table.ts`. */
interface Table {
  readonly offsets: number;
  readonly bounds: number;
}

type Tables = Readonly<Record<Dimension, Table>>;

/** An operand in its role. */
interface SideOf<Kind extends MatmulOperand> {
  readonly operand: Kind;
  /** Of its own dimension. */
  readonly direction: 'row' | 'column';
  readonly length: number;
  readonly tables: Tables;
  /** The address of element (0, 0), where the operand is strided or found by tables, at the current place in the batch. */
  base: Local | null;
}

/** A side whose operand is found by tables. */
export type TableSide = SideOf<TableOperand>;
export type PlainSide = SideOf<Exclude<MatmulOperand, TableOperand>>;
export type Side = TableSide | PlainSide;

export function isTableSide(side: Side): side is TableSide {
  return side.operand.kind === 'table';
}

/** Byte offsets from the address of scratch, and sizes in bytes. */
interface ScratchLayout {
  /** Packed rows of the left operand, `leftRow` bytes each. */
  readonly left: number;
  readonly leftRow: number;
  /** Packed strips of the right operand: each column's share is `rightColumn` bytes. */
  readonly right: number;
  readonly rightColumn: number;
  /** Sums put aside between pieces of k, `sumsRow` bytes a row. */
  readonly sums: number;
  readonly sumsRow: number;
  readonly tables: Readonly<Record<'left' | 'right', Tables>>;
  /** One finished tile, for an epilogue written as a loop. */
  readonly tile: number;
  readonly bytes: number;
}

const roundUp = (n: number, unit: number): number => Math.ceil(n / unit) * unit;

function layout(plan: MatmulPlan, width: number, left: MatmulOperand, right: MatmulOperand): ScratchLayout {
  const pieces = plan.k > plan.depth;
  const depth = Math.min(roundUp(Math.max(plan.k, 1), 4), plan.depth);
  // Sixteen more, so that rows of a power of two do not share their cache sets.
  const leftRow = (depth + 16) * width;
  const rightColumn = depth * width;
  const sumsRow = roundUp(plan.columns, 4) * width;
  let top = 0;
  const take = (bytes: number): number => {
    const at = top;
    top += roundUp(bytes, 64);
    return at;
  };
  const table = (operand: MatmulOperand, length: number): Table => {
    const bytes = operand.kind === 'table' ? 4 * roundUp(length, 4) : 0;
    return { offsets: take(bytes), bounds: take(operand.kind === 'table' && operand.bounds.length > 0 ? bytes : 0) };
  };
  const tables = (operand: MatmulOperand, own: number): Tables => ({
    own: table(operand, own),
    k: table(operand, plan.k),
  });
  return {
    left: take(plan.packLeft ? plan.rowBlock * leftRow : 0),
    leftRow,
    right: take(plan.packRight ? roundUp(plan.columnBlock, 4) * rightColumn : 0),
    rightColumn,
    sums: take(pieces ? plan.rowBlock * sumsRow : 0),
    sumsRow,
    tables: { left: tables(left, plan.rows), right: tables(right, plan.columns) },
    tile: take(1024),
    bytes: top,
  };
}

export class MatmulSite {
  readonly f: FunctionBuilder;
  readonly kernel: MatmulKernel;
  readonly plan: MatmulPlan;
  readonly arithmetic: Arithmetic;
  readonly left: Side;
  readonly right: Side;
  /** Elements that are lanes as they are. */
  readonly memory: LaneMemory;
  readonly scratch: ScratchLayout;
  readonly points: PointEmitter;
  /** Positions along the batch axes. */
  batch: readonly Position[];
  readonly #axes: Readonly<Record<Direction, number>>;

  constructor(
    site: KernelSite,
    f: FunctionBuilder,
    kernel: MatmulKernel,
    { plan, arithmetic, left, right, space }: Planned,
  ) {
    this.f = f;
    this.kernel = kernel;
    this.plan = plan;
    this.arithmetic = arithmetic;
    this.memory = arithmetic.memory(f);
    this.scratch = layout(plan, arithmetic.width, left, right);
    const { tables } = this.scratch;
    this.left = { operand: left, direction: 'row', length: plan.rows, tables: tables.left, base: null } as Side;
    this.right = {
      operand: right,
      direction: 'column',
      length: plan.columns,
      tables: tables.right,
      base: null,
    } as Side;
    this.points = pointEmitter(site, f, space);
    this.batch = kernel.batch.map(() => origin);
    const { m, n, k } = matmulAxes(kernel);
    this.#axes = plan.swapped ? { row: n, column: m, k } : { row: m, column: n, k };
  }

  /** `count` points along a direction, for expressions and stores. */
  pointsAt(at: At, along: Direction | null, count: Count, results: ReadonlyMap<number, Pieces> = new Map()): Points {
    const axes: Position[] = [...this.batch];
    axes[this.#axes.row] = at.row ?? origin;
    axes[this.#axes.column] = at.column ?? origin;
    axes[this.#axes.k] = at.k ?? origin;
    return { axes, vectorAxis: along === null ? null : this.#axes[along], count, results };
  }

  /** The address of an operand's element at one point. */
  address({ slot, index }: { readonly slot: number; readonly index: Expression }, at: At): Value {
    const [lanes] = this.points.value(index, this.pointsAt(at, null, 1)) as [Value];
    const element = i32x4.extractLane(lanes, 0);
    return i32.add(this.f.param(slotParam(slot)), i32.mul(element, this.arithmetic.width));
  }

  /** An address in scratch. */
  inScratch(offset: number): Value {
    const scratch = this.f.param('scratch');
    return offset === 0 ? scratch : i32.add(scratch, offset);
  }
}

export function position(local: Local): Position {
  return { local, offset: 0 };
}

/** base + position * bytes. */
export function moved(base: Operand, position: Operand, bytes: number): Value {
  if (typeof position === 'number') return i32.add(base, position * bytes);
  return i32.add(base, bytes === 1 ? position : i32.mul(position, bytes));
}

/** The smaller of two lengths. */
export function least(f: FunctionBuilder, name: string, a: Value, b: Operand): Local {
  const local = f.let(name, a);
  f.if(i32.gtU(local, b), () => f.set(local, b));
  return local;
}
