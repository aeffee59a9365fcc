/**
 * What a row of the op table says, and the small language rows are written in. Owns the types and the making of sample values; the rows are in the
 * files by family, `table.ts` joins them, `../suites` runs them.
 */
import type { DType } from '@torchlet/device';
import type { Tensor } from '@torchlet/tensor';
import { type Plain, plain, sizeOf } from './plain.js';
import type { ToleranceName } from './tolerances.js';

/** One input of a sample, in its dtype. */
export interface SampleInput {
  readonly value: Plain;
  readonly dtype: DType;
}

/** One set of inputs for an operation. */
export interface Sample {
  readonly note: string;
  readonly inputs: readonly SampleInput[];
  /** What the call takes besides tensors: dims, options. */
  readonly args: readonly unknown[];
  /** False where the derivative does not exist or is a convention (ties, corners, infinities): gradients are not checked there. */
  readonly smooth: boolean;
}

/** A call that must be refused, and how the message must read. */
export interface BadCall {
  readonly note: string;
  readonly call: () => unknown;
  readonly message: RegExp;
}

/** Which dtypes an operation takes besides float32, and the dtype of its result. */
export interface DTypeRule {
  readonly inputs: readonly DType[];
  readonly result: (input: DType) => DType;
}

export interface OpRow {
  /** Torchlet's name. */
  readonly name: string;
  /** The operation through the public API: inputs, then the sample's args. */
  readonly run: (inputs: readonly Tensor[], args: readonly unknown[]) => Tensor;
  /** The same in plain float64. */
  readonly reference: (inputs: readonly Plain[], args: readonly unknown[]) => Plain;
  readonly samples: readonly Sample[];
  readonly tolerance: ToleranceName;
  /** Whether gradients flow to its float inputs. */
  readonly gradient: boolean;
  readonly dtypes: DTypeRule | null;
  readonly bad: readonly BadCall[];
}

/** Dtypes of the result by rule. */
export const same = (input: DType): DType => input;
export const alwaysBool = (): DType => 'bool';
export const alwaysInt64 = (): DType => 'int64';
export const asFloat = (input: DType): DType => (floats.includes(input) ? input : 'float32');
/** uint8 was PyTorch's bool once, and `any` and `all` keep it. */
export const asTruth = (input: DType): DType => (input === 'uint8' ? 'uint8' : 'bool');
export const asSum = (input: DType): DType => (floats.includes(input) ? input : 'int64');

export const floats: readonly DType[] = ['float32', 'float64', 'float16', 'bfloat16'];
export const integers: readonly DType[] = ['int64', 'int32', 'int16', 'int8', 'uint8'];
export const numbers: readonly DType[] = [...floats, ...integers];
export const everything: readonly DType[] = [...numbers, 'bool'];

/** Uniform numbers in [0, 1), the same for the same seed (Tommy Ettinger's mulberry32). */
function uniforms(seed: number): () => number {
  let counter = seed | 0;
  return () => {
    counter = (counter + 0x6d2b79f5) | 0;
    let bits = Math.imul(counter ^ (counter >>> 15), counter | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Where the elements of a sample lie. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export const around0: Range = { low: -2, high: 2 };
export const positive: Range = { low: 0.2, high: 3 };
export const unit: Range = { low: -0.9, high: 0.9 };

/** Distinct-looking float32 numbers of a shape, from a seed made of shape and range, so that a sample never changes. */
export function random(shape: readonly number[], { low, high }: Range = around0, seed = 1): Plain {
  const next = uniforms(seed * 7919 + shape.reduce((hash, length) => hash * 31 + length, shape.length) + low * 17);
  return plain(
    shape,
    Array.from({ length: sizeOf(shape) }, () => Math.fround(low + (high - low) * next())),
  );
}

/** Whole numbers from 0 to `below`. */
export function randomIntegers(shape: readonly number[], below: number, seed = 1): Plain {
  const { data } = random(shape, { low: 0, high: below }, seed);
  return plain(
    shape,
    data.map((value) => Math.min(Math.floor(value), below - 1)),
  );
}

export function float(value: Plain): SampleInput {
  return { value, dtype: 'float32' };
}

export function int64(value: Plain): SampleInput {
  return { value, dtype: 'int64' };
}

export function bool(value: Plain): SampleInput {
  return { value, dtype: 'bool' };
}

interface SampleOptions {
  readonly args?: readonly unknown[];
  readonly smooth?: boolean;
}

export function sample(
  note: string,
  inputs: readonly SampleInput[],
  { args = [], smooth = true }: SampleOptions = {},
): Sample {
  return { note, inputs, args, smooth };
}

/** The numbers where functions go wrong. */
export const special = plain([12], [0, -0, 1, -1, NaN, Infinity, -Infinity, 1e-38, -1e-38, 3e38, -3e38, 0.5]);

type Given = Pick<OpRow, 'name' | 'run' | 'reference' | 'samples'> & Partial<OpRow>;

/** A row; what most rows have in common need not be said. */
export function row(given: Given): OpRow {
  return { tolerance: 'arithmetic', gradient: true, dtypes: null, bad: [], ...given };
}
