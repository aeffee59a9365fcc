/**
 * Loop kernels as Wasm functions: element-wise work, reductions, row kernels. Owns the order of phases and loops; the lanes are chosen in
 * `strategy.ts`, loops are written by `nest.ts`, values by `emitter.ts`, sums by `reduction.ts`.
 */
import { type LoopKernel, postorder, type Reduction } from '@torchlet/device';
import { emptyKernel, type KernelFunction, type KernelSite, kernelFunction } from '../kernel-function.js';
import { type FunctionBuilder, i32, type Local } from '../wasm/index.js';
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

export function emitLoopKernel(site: KernelSite, kernel: LoopKernel): KernelFunction {
  const phases = prepare(kernel);
  const { f, slots } = kernelFunction(site, kernel);
  if (kernel.axes.includes(0) || phases.list.every((phase) => !phase.hasPoints && phase.reductions.length === 0))
    return emptyKernel(f, slots);
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
    const part = this.#f.params as Record<string, Local> & Part;
    if (outer.length > 0)
      this.#f.if(i32.ltU(part.begin, part.end), () => this.#emitter.inside(() => this.#outerLoops(outer, part)));
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

  #outerLoops(variables: readonly Variable[], part: Part | null): void {
    const [first, ...rest] = variables;
    if (first === undefined) return this.#innermostParallel(null);
    const bounds = part === null ? { start: 0, end: first.length } : { start: part.begin, end: part.end };
    loop(this.#emitter, first, bounds, 1, this.#phases.list, () => this.#outerLoops(rest, null));
  }

  /** `part` is given where this variable is the one that threads share. */
  #innermostParallel(part: Part | null): void {
    const strategy = this.#strategy;
    const emitter = this.#emitter;
    const { list } = this.#phases;
    const phases = () => this.#allPhases();
    if (strategy.lanes === 'inner') return phases();
    const { variable, across } = strategy;
    if (across !== null) return acrossLoop(emitter, { variable, across }, part, list, phases);
    if (part !== null || !copyRow(emitter, this.#phases, variable)) vectorLoop(emitter, strategy, part, list, phases);
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

  /** The variable along which the lanes of one point lie, or null. */
  #vectorOf(domain: number): Variable | null {
    return this.#strategy.lanes === 'inner' ? (this.#strategy.variables[domain] ?? null) : null;
  }

  /** The phases of the points of the current blocks, or of one point with its lanes along inner variables. Nothing of an earlier point is kept. */
  #allPhases(): void {
    const emitter = this.#emitter;
    const { list, space } = this.#phases;
    for (const row of emitter.rows.values()) row.written = false;
    emitter.results.clear();
    const { counts, scope } = emitter;
    const registers = space.inner.map((_, domain) => {
      const vector = this.#vectorOf(domain);
      return new Scope(scope, new Map(vector === null ? [] : [[vector, { local: null, offset: 0 }] as const]));
    });
    list.forEach((phase, position) => {
      emitter.enter(phase.domain);
      emitter.counts = this.#strategy.lanes === 'inner' ? [1] : counts;
      if (!phase.hasPoints) this.#overNothing(phase);
      else if (this.#isInRegisters(phase.domain)) this.#rowInRegisters(phase, registers[phase.domain] as Scope);
      else emitter.inside(() => this.#innerLoops(phase, position));
      const inPhase = alwaysComputed(phase);
      for (const [expression, row] of emitter.rows) if (inPhase.has(expression)) row.written = true;
    });
  }

  #overNothing({ reductions }: PreparedPhase): void {
    for (const reduction of reductions) {
      const value = splatConstant(reduction.dtype, identity(reduction));
      this.#emitter.results.set(
        reduction.id,
        this.#emitter.counts.map(() => value),
      );
    }
  }

  /** Whether rows of this domain are short, alone, and not read back: then values stay in locals from phase to phase. */
  #isInRegisters(domain: number): boolean {
    const { list, space, stored } = this.#phases;
    const vector = this.#vectorOf(domain);
    if (vector === null || space.inner[domain]?.length !== 1 || vector.length > 4 * blocksInRegisters) return false;
    const used = postorder(list.flatMap(({ values, stores }) => [...values, ...stores.map(({ value }) => value)]));
    return list.length === 1 || used.every((load) => load.kind !== 'load' || !stored.has(load.slot));
  }

  #rowInRegisters(phase: PreparedPhase, row: Scope): void {
    const emitter = this.#emitter;
    hoist(emitter, [phase]);
    emitter.counts = blocksOf(this.#vectorOf(phase.domain)?.length ?? 1);
    emitter.inside(() => {
      const accumulators = new Accumulators(emitter, phase.reductions, emitter.counts.length, true);
      this.#blocks(phase, accumulators);
      this.#setResults(phase, accumulators);
    }, row);
  }

  #innerLoops(phase: PreparedPhase, position: number): void {
    const vector = this.#vectorOf(phase.domain);
    const variables = this.#phases.space.inner[phase.domain] ?? [];
    const blocks = vector === null ? this.#emitter.counts.length : innerUnroll(this.#phases, position, vector);
    const accumulators = new Accumulators(this.#emitter, phase.reductions, blocks, vector !== null);
    this.#level(phase, vector === null ? variables : vectorLast(variables, vector), vector, blocks, accumulators);
    this.#setResults(phase, accumulators);
  }

  #level(
    phase: PreparedPhase,
    variables: readonly Variable[],
    vector: Variable | null,
    unroll: number,
    accumulators: Accumulators,
  ): void {
    const emitter = this.#emitter;
    const [first, ...rest] = variables;
    const inside = () => this.#level(phase, rest, vector, unroll, accumulators);
    if (first === undefined) {
      emitter.enter(phase.domain);
      return this.#blocks(phase, accumulators);
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

  #setResults({ reductions }: PreparedPhase, accumulators: Accumulators): void {
    accumulators.results().forEach((blocks, r) => {
      this.#emitter.results.set((reductions[r] as Reduction).id, [...blocks]);
    });
  }

  /** Every value of a point is computed before any store of it: stores may go to slots that were read. */
  #blocks(phase: PreparedPhase, accumulators: Accumulators): void {
    const emitter = this.#emitter;
    for (emitter.block = 0; emitter.block < emitter.counts.length; emitter.block++) {
      accumulators.add();
      for (const store of phase.stores) emitter.pieces(store.value);
      for (const store of phase.stores) storeElements(emitter, store);
    }
    emitter.block = 0;
  }
}

function vectorsOf(strategy: Strategy, domains: number): readonly (Variable | null)[] {
  return strategy.lanes === 'inner' ? strategy.variables : Array.from({ length: domains }, () => strategy.variable);
}

/** The vector variable runs innermost. */
function vectorLast(variables: readonly Variable[], vector: Variable): Variable[] {
  return [...variables.filter((variable) => variable !== vector), vector];
}
