/**
 * Loop kernels as Wasm functions: element-wise work, reductions, row kernels. Owns the order of phases and loops; the lanes are chosen in
 * `strategy.ts`, loops are written by `nest.ts`, values by `emitter.ts`, sums by `reduction.ts`.
 */
import { type LoopKernel, postorder } from '@torchlet/device';
import { type KernelFunction, type KernelSite, kernelFunction, type Pieces } from '../kernel-function.js';
import { type FunctionBuilder, i32, type Local } from '../wasm/index.js';
import type { Variable } from './affine.js';
import { acrossLoop } from './across-loop.js';
import { Emitter } from './emitter.js';
import { type Count, splatConstant } from './lanes.js';
import { blocksOf, hoist, loop, vectorLoop } from './nest.js';
import { type Phases, type PreparedPhase, prepare } from './phases.js';
import { Accumulators, identity, termOf } from './reduction.js';
import { alwaysComputed, RowScratch, rowsToKeep } from './row-scratch.js';
import { Scope } from './scope.js';
import { copyRow } from './row-copy.js';
import { chooseStrategy, innerUnroll, type Strategy } from './strategy.js';

/** Time of one instruction of four lanes, about. */
const nanosecondsPerInstruction = 0.35;

/** Rows of at most so many blocks are written out and stay in registers. */
const blocksInRegisters = 4;

/** The slots that a kernel touches, in order. */
function slotsOf(phases: Phases): number[] {
  const roots = phases.list.flatMap(({ values, stores }) => [
    ...values,
    ...stores.flatMap(({ index, value, mask }) => (mask ? [index, value, mask] : [index, value])),
  ]);
  const slots = new Set(phases.stored);
  for (const expression of postorder(roots)) if (expression.kind === 'load') slots.add(expression.slot);
  return [...slots].sort((a, b) => a - b);
}

export function emitLoopKernel(site: KernelSite, kernel: LoopKernel): KernelFunction {
  const phases = prepare(kernel);
  const slots = slotsOf(phases);
  const f = kernelFunction(site, kernel.name, slots);
  const nothing = { callee: f, slots, extent: 1, granule: 1, scratchBytes: 0, nanoseconds: 0 };
  if (kernel.axes.includes(0) || phases.list.every((phase) => !phase.hasPoints && phase.reductions.length === 0))
    return nothing;
  return new LoopEmitter(site, f, phases, slots).emit();
}

class LoopEmitter {
  readonly #f: FunctionBuilder;
  readonly #phases: Phases;
  readonly #slots: readonly number[];
  readonly #emitter: Emitter;
  readonly #strategy: Strategy;
  readonly #scratch: RowScratch;

  constructor(site: KernelSite, f: FunctionBuilder, phases: Phases, slots: readonly number[]) {
    this.#f = f;
    this.#phases = phases;
    this.#slots = slots;
    this.#strategy = chooseStrategy(phases);
    this.#emitter = new Emitter(site, f, phases.space, vectorsOf(this.#strategy, phases.space.inner.length));
    this.#scratch = new RowScratch(this.#emitter);
  }

  emit(): KernelFunction {
    const strategy = this.#strategy;
    const { parallel } = this.#phases.space;
    this.#keepRows();
    const outer = parallel.filter(
      (variable) => strategy.lanes === 'inner' || (variable !== strategy.variable && variable !== strategy.across),
    );
    const { begin, end } = this.#f.params as { begin: Local; end: Local };
    const part = { begin, end };
    if (outer.length > 0)
      this.#f.if(i32.ltU(begin, end), () => this.#emitter.inside(new Map(), () => this.#outerLoops(outer, part)));
    else this.#innermostParallel(part);
    return {
      callee: this.#f,
      slots: this.#slots,
      ...this.#shared(outer[0]),
      scratchBytes: this.#scratch.bytes,
      nanoseconds: strategy.cost * nanosecondsPerInstruction,
    };
  }

  /** What threads share: the outermost loop. */
  #shared(outermost: Variable | undefined): { readonly extent: number; readonly granule: number } {
    const strategy = this.#strategy;
    if (outermost !== undefined) return { extent: outermost.length, granule: 1 };
    if (strategy.lanes === 'inner') return { extent: 1, granule: 1 };
    if (strategy.across !== null) return { extent: strategy.across.length, granule: 4 };
    return { extent: strategy.variable.length, granule: 4 * strategy.unroll };
  }

  #outerLoops(variables: readonly Variable[], part: { begin: Local; end: Local } | null): void {
    const [first, ...rest] = variables;
    if (first === undefined) return this.#innermostParallel(null);
    const bounds = part === null ? { start: 0, end: first.length } : { start: part.begin, end: part.end };
    loop(this.#emitter, first, bounds, 1, this.#phases.list, () => this.#outerLoops(rest, null));
  }

  /** `part` is given where this variable is the one that threads share. */
  #innermostParallel(part: { begin: Local; end: Local } | null): void {
    const strategy = this.#strategy;
    if (strategy.lanes === 'parallel' && strategy.across !== null) {
      const { variable, across } = strategy;
      acrossLoop(this.#emitter, { variable, across }, part, this.#phases.list, () => this.#parallelPhases());
      return;
    }
    if (strategy.lanes === 'parallel' && part === null && copyRow(this.#emitter, this.#phases, strategy.variable))
      return;
    if (strategy.lanes === 'parallel') {
      vectorLoop(this.#emitter, strategy, part, this.#phases.list, () => this.#parallelPhases());
      return;
    }
    this.#innerPhases(strategy.variables);
  }

  /** Rows of a domain that more than one phase uses. */
  #keepRows(): void {
    const strategy = this.#strategy;
    const { space, list, stored } = this.#phases;
    space.inner.forEach((variables, domain) => {
      const own = list.filter((phase) => phase.domain === domain);
      if (own.length < 2 || variables.length === 0 || this.#isInRegisters(domain)) return;
      this.#emitter.enter(domain);
      const vector = strategy.lanes === 'parallel' ? strategy.variable : strategy.variables[domain];
      const mustVary = [...variables, ...(vector ? [vector] : [])].reduce((bits, variable) => bits | variable.bit, 0);
      for (const expression of rowsToKeep(this.#emitter, own, mustVary, stored)) {
        const row =
          strategy.lanes === 'parallel'
            ? this.#scratch.perPoint(expression, variables, strategy.unroll)
            : this.#scratch.alongRow(expression, vectorLast(variables, vector as Variable));
        this.#emitter.rows.set(expression, row);
      }
    });
  }

  #finishRows(phase: PreparedPhase): void {
    const inPhase = alwaysComputed(phase);
    for (const [expression, row] of this.#emitter.rows) if (inPhase.has(expression)) row.written = true;
  }

  /** Before the phases of a point: nothing of an earlier point is kept. */
  #startPoint(): void {
    for (const row of this.#emitter.rows.values()) row.written = false;
    this.#emitter.results.clear();
  }

  #overNothing(phase: PreparedPhase): void {
    const blocks = this.#strategy.lanes === 'parallel' ? this.#emitter.counts.length : 1;
    for (const reduction of phase.reductions) {
      const value = splatConstant(reduction.dtype, identity(reduction));
      this.#emitter.results.set(
        reduction.id,
        Array.from({ length: blocks }, () => value),
      );
    }
  }

  /** The phases of the points of the current blocks, which lie along a parallel variable. */
  #parallelPhases(): void {
    const emitter = this.#emitter;
    this.#startPoint();
    for (const phase of this.#phases.list) {
      if (!phase.hasPoints) {
        this.#overNothing(phase);
        continue;
      }
      emitter.enter(phase.domain);
      const variables = this.#phases.space.inner[phase.domain] ?? [];
      emitter.inside(new Map(), () => {
        const accumulators = new Accumulators(emitter, phase.reductions, emitter.counts.length);
        this.#parallelLoops(phase, variables, accumulators);
        accumulators.byBlock().forEach((blocks, r) => {
          const reduction = phase.reductions[r];
          if (reduction !== undefined) emitter.results.set(reduction.id, [...blocks]);
        });
      });
      this.#finishRows(phase);
    }
  }

  #parallelLoops(phase: PreparedPhase, variables: readonly Variable[], accumulators: Accumulators): void {
    const emitter = this.#emitter;
    const [first, ...rest] = variables;
    if (first === undefined) {
      emitter.enter(phase.domain);
      return this.#blocks(() => {
        if (phase.reductions.length > 0) accumulators.add(false);
        this.#stores(phase);
      });
    }
    const control = accumulators.control(first.length, points(rest), 1);
    const bounds = { start: 0, end: first.length };
    loop(emitter, first, bounds, 1, [phase], () => this.#parallelLoops(phase, rest, accumulators), control);
  }

  /** The phases of one point, each with its lanes along an inner variable. */
  #innerPhases(vectors: readonly (Variable | null)[]): void {
    const emitter = this.#emitter;
    this.#startPoint();
    const inRegisters = vectors.map((vector) => {
      const positions = vector === null ? [] : [[vector, { local: null, offset: 0 }] as const];
      return new Scope(emitter.scope, new Map(positions));
    });
    for (const [position, phase] of this.#phases.list.entries()) {
      const vector = vectors[phase.domain] ?? null;
      emitter.enter(phase.domain);
      if (!phase.hasPoints) this.#overNothing(phase);
      else if (vector === null) emitter.inside(new Map(), () => this.#singlePoint(phase));
      else if (this.#isInRegisters(phase.domain))
        this.#rowInRegisters(phase, inRegisters[phase.domain] as Scope, blocksOf(vector.length));
      else emitter.inside(new Map(), () => this.#innerLoops(phase, position, vector));
      this.#finishRows(phase);
    }
  }

  /** Whether rows of this domain are short, alone, and not read back: then values stay in locals from phase to phase. */
  #isInRegisters(domain: number): boolean {
    const strategy = this.#strategy;
    if (strategy.lanes !== 'inner') return false;
    const [variable, ...more] = this.#phases.space.inner[domain] ?? [];
    if (variable === undefined || more.length > 0 || Math.ceil(variable.length / 4) > blocksInRegisters) return false;
    const loads = postorder(
      this.#phases.list.flatMap(({ values, stores }) => [...values, ...stores.map(({ value }) => value)]),
    );
    return (
      loads.every((load) => load.kind !== 'load' || !this.#phases.stored.has(load.slot)) ||
      this.#phases.list.length === 1
    );
  }

  #singlePoint(phase: PreparedPhase): void {
    const emitter = this.#emitter;
    emitter.block = 0;
    emitter.counts = [1];
    for (const reduction of phase.reductions) emitter.results.set(reduction.id, [termOf(emitter, reduction)]);
    this.#stores(phase);
  }

  #rowInRegisters(phase: PreparedPhase, row: Scope, counts: readonly Count[]): void {
    const emitter = this.#emitter;
    hoist(emitter, [phase]);
    const outer = emitter.scope;
    emitter.scope = row;
    emitter.counts = counts;
    const accumulators = new Accumulators(emitter, phase.reductions, counts.length);
    this.#blocks(() => {
      if (phase.reductions.length > 0) accumulators.add(true);
      this.#stores(phase);
    });
    this.#setCombined(phase, accumulators.combined());
    emitter.scope = outer;
  }

  #innerLoops(phase: PreparedPhase, position: number, vector: Variable): void {
    const unroll = innerUnroll(this.#phases, position, vector);
    const accumulators = new Accumulators(this.#emitter, phase.reductions, unroll);
    this.#innerLevel(phase, vectorLast(this.#phases.space.inner[phase.domain] ?? [], vector), unroll, accumulators);
    this.#setCombined(phase, accumulators.combined());
  }

  #innerLevel(phase: PreparedPhase, variables: readonly Variable[], unroll: number, accumulators: Accumulators): void {
    const emitter = this.#emitter;
    const [first, ...rest] = variables as [Variable, ...Variable[]];
    if (rest.length > 0) {
      const control = accumulators.control(first.length, Math.ceil(points(rest) / (4 * unroll)), 1);
      const bounds = { start: 0, end: first.length };
      loop(emitter, first, bounds, 1, [phase], () => this.#innerLevel(phase, rest, unroll, accumulators), control);
      return;
    }
    const control = accumulators.control(Math.floor(first.length / (4 * unroll)), 1, 4 * unroll);
    vectorLoop(
      emitter,
      { variable: first, unroll },
      null,
      [phase],
      () => {
        emitter.enter(phase.domain);
        this.#blocks(() => {
          if (phase.reductions.length > 0) accumulators.add(true);
          this.#stores(phase);
        });
      },
      control,
    );
  }

  #setCombined(phase: PreparedPhase, results: readonly Pieces[]): void {
    phase.reductions.forEach((reduction, r) => {
      this.#emitter.results.set(reduction.id, [results[r] as Pieces]);
    });
  }

  #blocks(write: () => void): void {
    const emitter = this.#emitter;
    for (emitter.block = 0; emitter.block < emitter.counts.length; emitter.block++) write();
    emitter.block = 0;
  }

  /** Every value of a point is computed before any store of it: stores may go to slots that were read. */
  #stores(phase: PreparedPhase): void {
    for (const store of phase.stores) this.#emitter.pieces(store.value);
    for (const store of phase.stores) this.#emitter.elements.store(store);
  }
}

function vectorsOf(strategy: Strategy, domains: number): readonly (Variable | null)[] {
  return strategy.lanes === 'inner' ? strategy.variables : Array.from({ length: domains }, () => strategy.variable);
}

function points(variables: readonly Variable[]): number {
  return variables.reduce((size, variable) => size * variable.length, 1);
}

/** The vector variable runs innermost. */
function vectorLast(variables: readonly Variable[], vector: Variable): Variable[] {
  return [...variables.filter((variable) => variable !== vector), vector];
}
