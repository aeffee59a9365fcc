/**
 * A program: the kernels of one evaluation, in order, with every buffer they touch. Plain data that can be printed (`print.ts`), compared and
 * cached; it holds no device object. Read `device.ts` next.
 */
import type { DType } from './dtype.js';
import type { Kernel } from './kernel.js';

/**
 * A buffer as the kernels name it, by its position in `Program.slots`. `size` counts elements.
 * `buffer`: given at each run, number `index` of `Bindings.buffers`. `host`: host data copied at each run, number `index` of
 * `Bindings.hostInputs`. `arena`: an intermediate, at a byte offset of one segment of the device's arena; its content does not outlive the run.
 */
export type Slot =
  | {
      readonly kind: 'buffer';
      readonly dtype: DType;
      readonly size: number;
      readonly index: number;
      readonly access: 'read' | 'write' | 'readwrite';
    }
  | { readonly kind: 'host'; readonly dtype: DType; readonly size: number; readonly index: number }
  | {
      readonly kind: 'arena';
      readonly dtype: DType;
      readonly size: number;
      readonly segment: number;
      readonly offset: number;
    };

export interface Program {
  readonly name: string;
  readonly slots: readonly Slot[];
  /** dtype of every runtime scalar, by slot. */
  readonly scalars: readonly DType[];
  readonly kernels: readonly Kernel[];
  /** Bytes needed of each segment of the arena. */
  readonly arena: readonly number[];
}
