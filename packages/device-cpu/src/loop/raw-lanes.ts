/**
 * Elements of 1, 2, 4 or 8 bytes between memory and vectors, whatever they mean: whole lanes of 32 or 64 bits, the short ones extended. Owns the
 * instructions for one to four of them; what the lanes mean is `lanes.ts`.
 */
import type { Pieces } from '../kernel-function.js';
import {
  constant,
  type FunctionBuilder,
  i16x8,
  i32,
  i32x4,
  i8x16,
  type Instruction,
  type Operand,
  type Value,
  v128,
} from '../wasm/index.js';

/** Numbers of lanes: 1 to 4. */
export type Count = 1 | 2 | 3 | 4;

/** Element widths that memory is read in. */
export type Width = 1 | 2 | 4 | 8;

export const zero = (): Instruction => constant('v128', new Uint8Array(16));

/** `count` elements of `width` bytes from `pointer` + `offset` as whole lanes, 1- and 2-byte ones extended with or without sign. */
export function loadRaw(width: Width, signed: boolean, pointer: Operand, offset: number, count: Count): Pieces {
  switch (width) {
    case 8: {
      if (count < 3) return [count === 1 ? v128.load64Zero(pointer, offset) : v128.load(pointer, offset), zero()];
      return [
        v128.load(pointer, offset),
        count === 3 ? v128.load64Zero(pointer, offset + 16) : v128.load(pointer, offset + 16),
      ];
    }
    case 4: {
      if (count === 4) return [v128.load(pointer, offset)];
      if (count === 1) return [v128.load32Zero(pointer, offset)];
      const low = v128.load64Zero(pointer, offset);
      return [count === 2 ? low : v128.load32Lane(pointer, low, 2, offset + 8)];
    }
    case 2: {
      const low = count === 1 ? v128.load16Lane(pointer, zero(), 0, offset) : v128.load32Zero(pointer, offset);
      const all =
        count === 4
          ? v128.load64Zero(pointer, offset)
          : count === 3
            ? v128.load16Lane(pointer, low, 2, offset + 4)
            : low;
      return [signed ? i32x4.extendLowI16x8S(all) : i32x4.extendLowI16x8U(all)];
    }
    case 1: {
      let all = count === 4 ? v128.load32Zero(pointer, offset) : zero();
      if (count !== 4) for (let lane = 0; lane < count; lane++) all = v128.load8Lane(pointer, all, lane, offset + lane);
      if (signed) return [i32x4.extendLowI16x8S(i16x8.extendLowI8x16S(all))];
      return [i32x4.extendLowI16x8U(i16x8.extendLowI8x16U(all))];
    }
    default: {
      const never: never = width;
      return never;
    }
  }
}

/** One element in every lane. */
export function loadRawSplat(width: Width, signed: boolean, pointer: Operand, offset: number): Pieces {
  switch (width) {
    case 8: {
      const both = v128.load64Splat(pointer, offset);
      return [both, both];
    }
    case 4:
      return [v128.load32Splat(pointer, offset)];
    case 2:
      return [i32x4.splat(signed ? i32.load16S(pointer, offset) : i32.load16U(pointer, offset))];
    case 1:
      return [i32x4.splat(signed ? i32.load8S(pointer, offset) : i32.load8U(pointer, offset))];
    default: {
      const never: never = width;
      return never;
    }
  }
}

/** `into` with lane `lane` replaced by the element at `pointer`. */
export function loadRawLane(
  width: Width,
  signed: boolean,
  pointer: Operand,
  offset: number,
  into: Pieces,
  lane: number,
): Pieces {
  const [low, high] = into as [Value, Value];
  switch (width) {
    case 8:
      return lane < 2
        ? [v128.load64Lane(pointer, low, lane, offset), high]
        : [low, v128.load64Lane(pointer, high, lane - 2, offset)];
    case 4:
      return [v128.load32Lane(pointer, low, lane, offset)];
    case 2:
      return [i32x4.replaceLane(low, signed ? i32.load16S(pointer, offset) : i32.load16U(pointer, offset), lane)];
    case 1:
      return [i32x4.replaceLane(low, signed ? i32.load8S(pointer, offset) : i32.load8U(pointer, offset), lane)];
    default: {
      const never: never = width;
      return never;
    }
  }
}

export function storeRaw(
  f: FunctionBuilder,
  width: Width,
  pointer: Operand,
  offset: number,
  raw: Pieces,
  count: Count,
): void {
  const [low, high] = raw as [Value, Value];
  switch (width) {
    case 8:
      f.do(count === 1 ? v128.store64Lane(pointer, low, 0, offset) : v128.store(pointer, low, offset));
      if (count === 3) f.do(v128.store64Lane(pointer, high, 0, offset + 16));
      if (count === 4) f.do(v128.store(pointer, high, offset + 16));
      return;
    case 4: {
      if (count === 4) return f.do(v128.store(pointer, low, offset));
      if (count === 1) return f.do(v128.store32Lane(pointer, low, 0, offset));
      const value = count === 3 ? f.let('partial', low) : low;
      f.do(v128.store64Lane(pointer, value, 0, offset));
      if (count === 3) f.do(v128.store32Lane(pointer, value, 2, offset + 8));
      return;
    }
    case 2: {
      const packed = f.let('packed', i8x16.swizzle(low, i8x16.const(0, 1, 4, 5, 8, 9, 12, 13)));
      if (count === 4) return f.do(v128.store64Lane(pointer, packed, 0, offset));
      if (count > 1) f.do(v128.store32Lane(pointer, packed, 0, offset));
      if (count !== 2) f.do(v128.store16Lane(pointer, packed, count - 1, offset + 2 * (count - 1)));
      return;
    }
    case 1: {
      const packed = f.let('packed', i8x16.swizzle(low, i8x16.const(0, 4, 8, 12)));
      if (count === 4) return f.do(v128.store32Lane(pointer, packed, 0, offset));
      for (let lane = 0; lane < count; lane++) f.do(v128.store8Lane(pointer, packed, lane, offset + lane));
      return;
    }
    default: {
      const never: never = width;
      return never;
    }
  }
}

export function storeRawLane(
  f: FunctionBuilder,
  width: Width,
  pointer: Operand,
  offset: number,
  raw: Pieces,
  lane: number,
): void {
  const [low, high] = raw as [Value, Value];
  switch (width) {
    case 8:
      return f.do(v128.store64Lane(pointer, lane < 2 ? low : high, lane % 2, offset));
    case 4:
      return f.do(v128.store32Lane(pointer, low, lane, offset));
    case 2:
      return f.do(v128.store16Lane(pointer, low, 2 * lane, offset));
    case 1:
      return f.do(v128.store8Lane(pointer, low, 4 * lane, offset));
    default: {
      const never: never = width;
      return never;
    }
  }
}
