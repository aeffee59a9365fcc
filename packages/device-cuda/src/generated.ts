/**
 * What generation gives the runtime: one PTX module for a whole program, and the steps that run it in order. Plain data that can be printed and compared; it
 * holds no address and nothing of the driver. Made by `generate.ts`, run by `runtime/`.
 */
import type { DType } from '@torchlet/device';
import type { Convolution } from './libraries/convolution.js';

/** Where a parameter points. Every parameter of an entry is a device address of 8 bytes (`.u64`). */
export type Argument =
  /** A slot of the program: an outside buffer, host data or a part of the arena. */
  | { readonly kind: 'slot'; readonly slot: number }
  /** `offset` bytes into the program's scratch memory, which is not zeroed and lives from one step of a run to the next. */
  | { readonly kind: 'scratch'; readonly offset: number }
  /** A runtime scalar of the program, in its dtype's stored form. */
  | { readonly kind: 'scalar'; readonly slot: number };

/** Sizes along x, y and z. */
export type Extent = readonly [x: number, y: number, z: number];

/** One launch of an entry of the module. */
export interface Launch {
  readonly kind: 'launch';
  /** Position in `Program.kernels` of what this computes, alone or with the launches beside it. */
  readonly kernel: number;
  readonly entry: string;
  /** Blocks of the grid and threads of a block. */
  readonly grid: Extent;
  readonly block: Extent;
  /** Bytes of dynamic shared memory. */
  readonly sharedBytes: number;
  /** In the order of the entry's parameters. */
  readonly arguments: readonly Argument[];
}

/** A matrix of a product, as cuBLASLt describes it: column by column. */
export interface LibraryMatrix {
  readonly isTransposed: boolean;
  /** Elements from one column to the next, and from one matrix of the batch to the next. */
  readonly leading: number;
  readonly batchOffset: number;
  /** What its address is a multiple of, in bytes. */
  readonly alignment: number;
}

/** D = alpha * A B + beta * C, with a value of the bias added to each row where there is one. */
export interface LibraryProduct {
  readonly dtype: DType;
  /** `high`: factors of float32 may be rounded to TF32. */
  readonly precision: 'highest' | 'high';
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch: number;
  /** A, B, C and D. */
  readonly matrices: readonly LibraryMatrix[];
  readonly epilogue: 'none' | 'bias';
  readonly alpha: number;
  readonly beta: number;
}

/** An address `offset` bytes behind an argument. */
export interface StepOperand {
  readonly argument: Argument;
  readonly offset: number;
}

/** A product that a library computes. */
export interface ProductStep {
  readonly kind: 'product';
  /** Position in `Program.kernels`, as for a launch. */
  readonly kernel: number;
  readonly library: string;
  /** By which the addon knows the library's algorithm for it. */
  readonly plan: number;
  readonly product: LibraryProduct;
  /** A, B, C and D, and the bias where there is one. */
  readonly operands: readonly StepOperand[];
}

/** Image, filter and output of a convolution, of which one is computed from the other two, times alpha. */
export interface LibraryConvolution extends Convolution {
  readonly dtype: DType;
  /** `high`: factors of float32 may be rounded to TF32. */
  readonly precision: 'highest' | 'high';
  readonly alpha: number;
}

/** A convolution that a library computes. */
export interface ConvolutionStep {
  readonly kind: 'convolution';
  /** Position in `Program.kernels`, as for a launch. */
  readonly kernel: number;
  readonly library: string;
  readonly plan: number;
  readonly convolution: LibraryConvolution;
  /** The image, what it is convolved with, and the result. */
  readonly operands: readonly StepOperand[];
}

export type LibraryStep = ProductStep | ConvolutionStep;
export type Step = Launch | LibraryStep;

export interface Generated {
  /** The text of one module; empty where no step launches anything. */
  readonly ptx: string;
  readonly steps: readonly Step[];
  /** Bytes of scratch memory that a run needs. */
  readonly scratchBytes: number;
}

/** What generation asks of the card. */
export interface Target {
  /** Major and minor together: 80, 86, 90. */
  readonly computeCapability: number;
  readonly multiprocessors: number;
  /** Bytes of shared memory that one block may ask for. */
  readonly sharedBytesPerBlock: number;
  /** Whether float32 products may be rounded to TF32. */
  readonly matmulPrecision: 'highest' | 'high';
  /**
   * Which products warpgroups compute (`wgmma`): `auto` those that it is expected to pay for, `always` all that it can do. `off` where the card or its driver
   * does not have it.
   */
  readonly wgmma: 'off' | 'auto' | 'always';
}
