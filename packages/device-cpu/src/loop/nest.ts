/**
 * Loops: what does not change in a loop is computed before it, addresses that change are advanced, lanes lie along the vector variable with
 * several blocks side by side and a rest of known length. Owns the shape of loops; what a turn computes is given by the caller.
 */
import type { Expression, Store } from '@torchlet/device';
import { i32, type Local, type Operand, select } from '../wasm/index.js';
import type { Affine, Variable } from './affine.js';
import { movingPointer, prepareAddress, type Region } from './addresses.js';
import { regionOf } from './elements.js';
import type { Emitter } from './emitter.js';
import type { Count } from './lanes.js';
import { Scope } from './scope.js';
import { isPureIndex } from './space.js';

/** A store that may add to what is there instead. */
export interface ElementStore extends Store {
  readonly adds?: boolean;
}

/** What some loops will compute. */
export interface Work {
  readonly domain: number;
  readonly values: readonly Expression[];
  readonly stores: readonly ElementStore[];
}

interface Access {
  readonly domain: number;
  readonly region: Region;
  readonly form: Affine;
}

/** The turns of a loop: numbers, or locals and parameters. */
export interface Bounds {
  readonly start: Operand;
  readonly end: Operand;
}

/** Writes the loop around `turn`, which does one turn and advances `counter`; at least one turn is to be done. */
export type Control = (counter: Local, end: Operand, turn: () => void) => void;

/** Computes here what does not change in the loops to come, and tells what addresses they use. */
export function hoist(emitter: Emitter, works: readonly Work[]): Access[] {
  const accesses: Access[] = [];
  for (const work of works) {
    emitter.enter(work.domain);
    hoistWork(emitter, work, accesses);
  }
  return accesses;
}

function hoistWork(emitter: Emitter, work: Work, accesses: Access[]): void {
  const { bound } = emitter.scope;
  const seen = { scalar: new Set<Expression>(), pieces: new Set<Expression>() };
  const stack: { expression: Expression; scalar: boolean }[] = [];
  const want = (expression: Expression) => stack.push({ expression, scalar: false });
  /** As a mask or an atom is wanted: a scalar if all lanes agree. */
  const wantUniform = (expression: Expression) => stack.push({ expression, scalar: !emitter.varies(expression) });
  const access = (slot: number, index: Expression) => {
    const { address, laneAtoms } = emitter.laneForm(index);
    accesses.push({ domain: work.domain, region: regionOf(emitter, slot), form: address });
    for (const atom of [...address.atoms.keys(), ...laneAtoms.keys()]) wantUniform(atom);
  };
  const compute = (expression: Expression, scalar: boolean) => {
    eachBlock(emitter, expression, () => (scalar ? emitter.scalar(expression) : emitter.pieces(expression)));
  };

  for (const store of work.stores) {
    access(store.slot, store.index);
    if (store.mask !== null) wantUniform(store.mask);
    want(store.value);
  }
  for (const value of work.values) want(value);

  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { expression, scalar } = next;
    const before = scalar ? seen.scalar : seen.pieces;
    if (before.has(expression)) continue;
    before.add(expression);
    if (expression.kind === 'constant') continue;
    const row = emitter.rows.get(expression);
    if (row !== undefined) accesses.push({ domain: work.domain, region: row.region, form: row.form });
    if (row?.written) continue;
    if (emitter.within(expression, bound)) {
      compute(expression, scalar);
      continue;
    }
    if (expression.kind === 'load') {
      access(expression.slot, expression.index);
      if (expression.mask !== null) wantUniform(expression.mask);
    }
    if (expression.kind !== 'apply') continue;
    if (isPureIndex(expression)) {
      const { atoms } = emitter.space.form(expression, work.domain);
      for (const atom of atoms.keys()) {
        if (atom !== expression) wantUniform(atom);
        else for (const arg of expression.args) wantUniform(arg);
      }
    } else expression.args.forEach(emitter.isUniformQuotient(expression) ? wantUniform : want);
  }
}

function eachBlock(emitter: Emitter, expression: Expression, write: () => void): void {
  const blocks = emitter.differs(expression) ? emitter.counts.length : 1;
  const current = emitter.block;
  for (emitter.block = 0; emitter.block < blocks; emitter.block++) write();
  emitter.block = current;
}

const plainControl =
  (emitter: Emitter): Control =>
  (counter, end, turn) => {
    emitter.f.loop((again) => {
      turn();
      emitter.f.branchIf(again, i32.ltU(counter, end));
    });
  };

/** A loop over `variable`, at least one turn long. */
export function loop(
  emitter: Emitter,
  variable: Variable,
  { start, end }: Bounds,
  step: number,
  works: readonly Work[],
  body: () => void,
  control: Control = plainControl(emitter),
): void {
  const { f } = emitter;
  const accesses = hoist(emitter, works);
  for (const { domain, region, form } of accesses) {
    emitter.enter(domain);
    prepareAddress(emitter, region, form);
  }
  const counter = f.let(variable.name, typeof start === 'object' ? start : i32.const(Number(start)));
  const inside = new Scope(emitter.scope, new Map([[variable, { local: counter, offset: 0 }]]));
  const moving = accesses.flatMap(({ domain, region, form }) => {
    emitter.enter(domain);
    return movingPointer(emitter, region, form, variable, start, step, inside) ?? [];
  });
  const outside = emitter.scope;
  control(counter, end, () => {
    emitter.scope = inside;
    body();
    for (const { pointer, bytesPerStep } of moving) f.advance(pointer, bytesPerStep);
    f.advance(counter, step);
    emitter.scope = outside;
  });
}

/** The blocks of `points` points: fours, then a rest. */
export function blocksOf(points: number): Count[] {
  const counts: Count[] = Array.from({ length: Math.floor(points / 4) }, () => 4);
  const rest = points % 4;
  return rest === 0 ? counts : [...counts, rest as Count];
}

/** A part of a variable, where threads share it. */
export interface Part {
  readonly begin: Local;
  readonly end: Local;
}

/**
 * The whole of `variable`, or a part of it that begins and ends at multiples of `step` but for the last end: `write` for `step` positions a turn, then
 * for those that are left. A single turn is no loop.
 */
export function steps(
  emitter: Emitter,
  variable: Variable,
  step: number,
  part: Part | null,
  works: readonly Work[],
  write: (size: number) => void,
  control?: Control,
): void {
  const { f } = emitter;
  const { length } = variable;
  const main = Math.floor(length / step) * step;
  const turns = (start: Operand, end: Operand) =>
    loop(emitter, variable, { start, end }, step, works, () => write(step), control);
  const rest = () => emitter.fixed(variable, main, () => write(length - main));
  if (part === null) {
    if (main === step) emitter.fixed(variable, 0, () => write(step));
    else if (main > 0) turns(0, main);
    if (main < length) rest();
    return;
  }
  if (main > 0) {
    const end = f.let('last', select(part.end, main, i32.ltU(part.end, main)));
    f.if(i32.ltU(part.begin, end), () => emitter.inside(() => turns(part.begin, end)));
  }
  if (main < length) f.if(i32.eq(part.end, length), rest);
}

/**
 * The whole of `variable`, or a part, vectorised: turns of `unroll` full blocks, then the blocks that are left, all of them written out. `body`
 * computes the blocks of `emitter.counts`.
 */
export function vectorLoop(
  emitter: Emitter,
  { variable, unroll }: { readonly variable: Variable; readonly unroll: number },
  part: Part | null,
  works: readonly Work[],
  body: () => void,
  control?: Control,
): void {
  const write = (size: number) => {
    emitter.counts = blocksOf(size);
    body();
  };
  // What is computed before the loop is computed for the blocks of its turns.
  emitter.counts = blocksOf(4 * unroll);
  steps(emitter, variable, 4 * unroll, part, works, write, control);
}
