/**
 * Loop kernels as Wasm functions: element-wise work, reductions, row kernels. Owns the order of phases and loops; the lanes are chosen in
 * `strategy.ts`, loops are written by `nest.ts`, values by `emitter.ts`, sums by `reduction.ts`.
 */
import { type LoopKernel, postorder, type Reduction } from '@torchlet/device';
import { emptyKernel, type KernelFunction, type KernelSite, kernelFunction } from '../kernel-function.js';
import { i32, type Local } from '../wasm/index.js';
import type { Variable } from './affine.js';
import { acrossLoop } from './across-loop.js';
import { storeElements } from './elements.js';
import { Emitter } from './emitter.js';
import { splatConstant } from './lanes.js';
import { blocksOf, hoist, loop, type Part, vectorLoop } from './nest.js';
import { type Phases, type PreparedPhase, prepare } from './phases.js';
import { Accumulators, identity } from './reduction.js';
import { alwaysComputed, RowScratch, rowsToKeep } from './row-scratch.js';
import { Scope } from './scope.js';
import { copyRow } from './row-copy.js';
import { chooseStrategy, innerUnroll, points, type Strategy } from './strategy.js';

/** Time of one instruction of four lanes, about. */
const nanosecondsPerInstruction = 0.35;

/** Rows of at most so many blocks are written out and stay in registers. */
const blocksInRegisters = 4;

/** What every part of a kernel's code needs. */
interface LoopSite {
  readonly emitter: Emitter;
  readonly phases: Phases;
  readonly strategy: Strategy;
  /** Writes what is to be done after all loops. */
  readonly afterLoops: (() => void)[];
}

export function emitLoopKernel(site: KernelSite, kernel: LoopKernel): KernelFunction {
  const phases = prepare(kernel);
  const empty = kernelFunction(site, kernel);
  const f = empty.callee;
  if (kernel.axes.includes(0) || phases.list.every((phase) => !phase.hasPoints && phase.reductions.length === 0))
    return emptyKernel(empty);
  const { space } = phases;
  const strategy = chooseStrategy(phases);
  const emitter = new Emitter(site, f, space, vectorsOf(strategy, space.inner.length));
  const at: LoopSite = { emitter, phases, strategy, afterLoops: [] };
  const scratch = new RowScratch(emitter);
  keepRows(at, scratch);
  const outer = space.parallel.filter(
    (variable) => strategy.lanes === 'inner' || (variable !== strategy.variable && variable !== strategy.across),
  );
  const part = f.params as Record<string, Local> & Part;
  if (outer.length > 0) f.if(i32.ltU(part.begin, part.end), () => emitter.inside(() => outerLoops(at, outer, part)));
  else innermostParallel(at, part);
  for (const write of at.afterLoops) write();
  return {
    ...empty,
    ...shared(at, outer[0]),
    scratchBytes: scratch.bytes,
    nanoseconds: strategy.cost * nanosecondsPerInstruction,
  };
}

/** What threads share: the outermost loop. */
function shared(at: LoopSite, outermost: Variable | undefined): { readonly extent: number; readonly granule: number } {
  const { strategy } = at;
  if (outermost !== undefined) return { extent: outermost.length, granule: 1 };
  if (strategy.lanes === 'inner') return { extent: 1, granule: 1 };
  if (strategy.across !== null) return { extent: strategy.across.length, granule: 4 };
  return { extent: strategy.variable.length, granule: 4 * strategy.unroll };
}

function outerLoops(at: LoopSite, variables: readonly Variable[], part: Part | null): void {
  const [first, ...rest] = variables;
  if (first === undefined) return innermostParallel(at, null);
  const bounds = part === null ? { start: 0, end: first.length } : { start: part.begin, end: part.end };
  loop(at.emitter, first, bounds, 1, at.phases.list, () => outerLoops(at, rest, null));
}

/** `part` is given where this variable is the one that threads share. */
function innermostParallel(at: LoopSite, part: Part | null): void {
  const { strategy, emitter } = at;
  const { list } = at.phases;
  const phases = () => allPhases(at);
  if (strategy.lanes === 'inner') return phases();
  const { variable, across } = strategy;
  if (across !== null) return acrossLoop(emitter, { variable, across }, part, list, phases);
  const copyLast = part === null ? copyRow(emitter, at.phases, variable) : null;
  if (copyLast === null) vectorLoop(emitter, strategy, part, list, phases);
  else at.afterLoops.push(copyLast);
}

/** Rows of a domain that more than one phase uses. */
function keepRows(at: LoopSite, scratch: RowScratch): void {
  const { strategy } = at;
  const { space, list, stored } = at.phases;
  space.inner.forEach((variables, domain) => {
    const own = list.filter((phase) => phase.domain === domain);
    if (own.length < 2 || variables.length === 0 || isInRegisters(at, domain)) return;
    at.emitter.enter(domain);
    const vector = strategy.lanes === 'parallel' ? strategy.variable : strategy.variables[domain];
    const mustVary = [...variables, ...(vector ? [vector] : [])].reduce((bits, variable) => bits | variable.bit, 0);
    for (const expression of rowsToKeep(at.emitter, own, mustVary, stored)) {
      const row =
        strategy.lanes === 'parallel'
          ? scratch.perPoint(expression, variables, strategy.unroll)
          : scratch.alongRow(expression, vectorLast(variables, vector as Variable));
      at.emitter.rows.set(expression, row);
    }
  });
}

/** The variable along which the lanes of one point lie, or null. */
function vectorOf(at: LoopSite, domain: number): Variable | null {
  return at.strategy.lanes === 'inner' ? (at.strategy.variables[domain] ?? null) : null;
}

/** The phases of the points of the current blocks, or of one point with its lanes along inner variables. Nothing of an earlier point is kept. */
function allPhases(at: LoopSite): void {
  const { emitter } = at;
  const { list, space } = at.phases;
  for (const row of emitter.rows.values()) row.written = false;
  emitter.results.clear();
  const { counts, scope } = emitter;
  const registers = space.inner.map((_, domain) => {
    const vector = vectorOf(at, domain);
    return new Scope(scope, new Map(vector === null ? [] : [[vector, { local: null, offset: 0 }] as const]));
  });
  list.forEach((phase, position) => {
    emitter.enter(phase.domain);
    emitter.counts = at.strategy.lanes === 'inner' ? [1] : counts;
    if (!phase.hasPoints) overNothing(at, phase);
    else if (isInRegisters(at, phase.domain)) rowInRegisters(at, phase, registers[phase.domain] as Scope);
    else emitter.inside(() => innerLoops(at, phase, position));
    const inPhase = alwaysComputed(phase);
    for (const [expression, row] of emitter.rows) if (inPhase.has(expression)) row.written = true;
  });
}

function overNothing(at: LoopSite, { reductions }: PreparedPhase): void {
  for (const reduction of reductions) {
    const value = splatConstant(reduction.dtype, identity(reduction));
    at.emitter.results.set(
      reduction.id,
      at.emitter.counts.map(() => value),
    );
  }
}

/** Whether rows of this domain are short, alone, and not read back: then values stay in locals from phase to phase. */
function isInRegisters(at: LoopSite, domain: number): boolean {
  const { list, space, stored } = at.phases;
  const vector = vectorOf(at, domain);
  if (vector === null || space.inner[domain]?.length !== 1 || vector.length > 4 * blocksInRegisters) return false;
  const used = postorder(list.flatMap(({ values, stores }) => [...values, ...stores.map(({ value }) => value)]));
  return list.length === 1 || used.every((load) => load.kind !== 'load' || !stored.has(load.slot));
}

function rowInRegisters(at: LoopSite, phase: PreparedPhase, row: Scope): void {
  const { emitter } = at;
  hoist(emitter, [phase]);
  emitter.counts = blocksOf(vectorOf(at, phase.domain)?.length ?? 1);
  emitter.inside(() => {
    const accumulators = new Accumulators(emitter, phase.reductions, emitter.counts.length, true);
    blocks(at, phase, accumulators);
    setResults(at, phase, accumulators);
  }, row);
}

function innerLoops(at: LoopSite, phase: PreparedPhase, position: number): void {
  const vector = vectorOf(at, phase.domain);
  const variables = at.phases.space.inner[phase.domain] ?? [];
  const blocks = vector === null ? at.emitter.counts.length : innerUnroll(at.phases, position, vector);
  const accumulators = new Accumulators(at.emitter, phase.reductions, blocks, vector !== null);
  level(at, phase, vector === null ? variables : vectorLast(variables, vector), vector, blocks, accumulators);
  setResults(at, phase, accumulators);
}

function level(
  at: LoopSite,
  phase: PreparedPhase,
  variables: readonly Variable[],
  vector: Variable | null,
  unroll: number,
  accumulators: Accumulators,
): void {
  const { emitter } = at;
  const [first, ...rest] = variables;
  const inside = () => level(at, phase, rest, vector, unroll, accumulators);
  if (first === undefined) {
    emitter.enter(phase.domain);
    return blocks(at, phase, accumulators);
  }
  const perTurn = 4 * unroll;
  if (first === vector) {
    const control = accumulators.control(Math.floor(first.length / perTurn), 1, perTurn);
    return vectorLoop(emitter, { variable: first, unroll }, null, [phase], inside, control);
  }
  const terms = Math.ceil(points(rest) / (vector === null ? 1 : perTurn));
  const bounds = { start: 0, end: first.length };
  loop(emitter, first, bounds, 1, [phase], inside, accumulators.control(first.length, terms, 1));
}

function setResults(at: LoopSite, { reductions }: PreparedPhase, accumulators: Accumulators): void {
  accumulators.results().forEach((blocks, r) => {
    at.emitter.results.set((reductions[r] as Reduction).id, [...blocks]);
  });
}

/** Every value of a point is computed before any store of it: stores may go to slots that were read. */
function blocks(at: LoopSite, phase: PreparedPhase, accumulators: Accumulators): void {
  const { emitter } = at;
  for (emitter.block = 0; emitter.block < emitter.counts.length; emitter.block++) {
    accumulators.add();
    for (const store of phase.stores) emitter.pieces(store.value);
    for (const store of phase.stores) storeElements(emitter, store);
  }
  emitter.block = 0;
}

function vectorsOf(strategy: Strategy, domains: number): readonly (Variable | null)[] {
  return strategy.lanes === 'inner' ? strategy.variables : Array.from({ length: domains }, () => strategy.variable);
}

/** The vector variable runs innermost. */
function vectorLast(variables: readonly Variable[], vector: Variable): Variable[] {
  return [...variables.filter((variable) => variable !== vector), vector];
}
