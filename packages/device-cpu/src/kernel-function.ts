/**
 * What an emitter of kernels is given and what it gives back: one Wasm function per kernel, whose every address is a parameter. Equal kernels
 * on different buffers are then one function, and threads share a kernel by ranges. Owns these types; `loop/`, `matmul/` emit,
 * `program-module.ts` calls.
 */
import type { DType, Expression, Kernel, Program, Store } from '@torchlet/device';
import { kernelForm } from '@torchlet/device/analysis';
import type { Callable, FunctionBuilder, Local, ModuleBuilder, Value } from './wasm/index.js';

/** What the engine offers and the user allows. */
export interface Features {
  /** Whether `relaxedMadd` may be emitted. */
  readonly fma: boolean;
  /** Bytes of an element in memory; int64 may lie in 4. */
  readonly storedBytes: Readonly<Record<DType, number>>;
}

/** Where a kernel is emitted. */
export interface KernelSite {
  readonly module: ModuleBuilder;
  readonly program: Program;
  readonly features: Features;
}

/**
 * A kernel as a function with the parameters: the address of each slot of `slots`, in order; that of each runtime scalar of `scalars`, 8 bytes
 * each, already in their dtype (bool as i32 0 or 1, narrow integers as i32, float16 and bfloat16 as f32); `scratch`, the
 * address of `scratchBytes` bytes that only this call uses, 64-byte aligned; and the part of its work to do, [begin, end) of [0, extent).
 * Parts are independent and may run at once on several threads; begin and end are multiples of `granule`, but that the last end is `extent`.
 */
export interface KernelFunction {
  readonly callee: Callable;
  readonly slots: readonly number[];
  readonly scalars: readonly number[];
  readonly extent: number;
  readonly granule: number;
  readonly scratchBytes: number;
  /** About how long the whole takes on one core: decides whether threads are worth waking. */
  readonly nanoseconds: number;
}

/** The function of a kernel with an empty body, and what its first parameters are the addresses of. */
export type EmptyFunction = Pick<KernelFunction, 'slots' | 'scalars'> & { readonly callee: FunctionBuilder };

/** The function of a kernel, with the parameters that `KernelFunction` wants. */
export function kernelFunction(site: KernelSite, kernel: Kernel): EmptyFunction {
  const { slots, scalars } = kernelForm(kernel, site.program.slots);
  const names = [...slots.map(slotParam), ...scalars.map(scalarParam), 'scratch', 'begin', 'end'];
  const params = Object.fromEntries(names.map((name) => [name, 'i32'] as const));
  return { callee: site.module.function<string>(kernel.name, params, null), slots, scalars };
}

/** A kernel that has nothing to compute: its body stays empty. */
export function emptyKernel(empty: EmptyFunction): KernelFunction {
  return { ...empty, extent: 1, granule: 1, scratchBytes: 0, nanoseconds: 0 };
}

/** The name of the parameter with the address of `slot`. */
export function slotParam(slot: number): string {
  return `s${slot}`;
}

/** The name of the parameter with the address of runtime scalar `slot`. */
export function scalarParam(slot: number): string {
  return `c${slot}`;
}

/** A position along an axis: `local` + `offset`; only the offset where there is no local. */
export interface Position {
  readonly local: Local | null;
  readonly offset: number;
}

/**
 * Values of four points next to each other, the same bits whatever the kernel. float32, float16 and bfloat16: one f32x4. int32 and the narrow
 * integers: one i32x4, narrow ones wrapped to their width. bool: one i32x4 of 0 and -1. float64 and
 * int64: two vectors of two lanes, the first two points first.
 */
export type Pieces = readonly Value[];

/** `count` points next to each other along `vectorAxis`, at one position on every other axis. With one point there need be no vector axis. */
export interface Points {
  /** Position along every axis by its number; along `vectorAxis`, that of the first point. */
  readonly axes: readonly Position[];
  readonly vectorAxis: number | null;
  readonly count: 1 | 2 | 3 | 4;
  /** Values of the results that expressions may name, by id; lanes past `count` may hold anything. */
  readonly results: ReadonlyMap<number, Pieces>;
}

/** Writes expressions and stores for points whose loops another emitter has written: a matmul's operands and epilogue. `pointEmitter` of `loop/points.ts` makes it. */
export interface PointEmitter {
  /** Code that computes `expression`; lanes past `count` may hold anything, and no memory is touched for them. */
  value(expression: Expression, points: Points): Pieces;
  /** Code that computes every value, then does every store. */
  store(stores: readonly Store[], points: Points): void;
}
