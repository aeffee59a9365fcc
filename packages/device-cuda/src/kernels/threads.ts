/**
 * How threads are numbered and find their positions: the number of a thread in the grid or the block, and the position along each axis from the number of a
 * point. Owns that arithmetic; how many threads there should be is `strategy.ts`.
 */
import type { Body } from '../ptx/body.js';
import { int32, type Operand, special } from '../ptx/register.js';
import { quotient, remainder } from './index-arithmetic.js';
import type { Value } from './point.js';

export function product(lengths: readonly number[]): number {
  return lengths.reduce((size, length) => size * length, 1);
}

/** Numbers from here on do not fit a register of 32 bits. */
const wide = 2 ** 31;

/** The number of the thread in its block. */
export function threadOfBlock(body: Body): Operand {
  return body.op('s32', 'mov.u32', [special('%tid.x')], 'thread');
}

/** block * perBlock + within, in 64 bits where `count` of them need it. */
export function numberInGrid(body: Body, within: Operand, perBlock: number, count: number, stem: string): Operand {
  const block = body.op('s32', 'mov.u32', [special('%ctaid.x')], 'block');
  if (count < wide) return body.op('s32', 'mad.lo.s32', [block, int32(perBlock), within], stem);
  const further = body.op('s64', 'cvt.u64.u32', [within]);
  return body.op('s64', 'mad.wide.u32', [block, int32(perBlock), further], stem);
}

/** A bound for `number`, of its kind. */
export function bound(number: Operand, count: number): Operand {
  return number.kind === 's64' ? { kind: 's64', text: String(count), literal: BigInt(count) } : int32(count);
}

/** The position along each axis, from the row-major number `from` of a point. @param first number of the first axis. */
export function positions(body: Body, from: Operand, lengths: readonly number[], first = 0): Map<number, Value> {
  const outermost = lengths.findIndex((length) => length > 1);
  const coordinates = new Map<number, Value>();
  lengths.forEach((length, i) => {
    let operand = int32(0);
    if (length > 1) {
      const whole = quotient(body, from, product(lengths.slice(i + 1)), 'position');
      const part = i === outermost ? whole : remainder(body, whole, length, 'position');
      const isWide = part.kind === 's64' && part.literal === null;
      operand = isWide ? body.op('s32', 'cvt.u32.u64', [part], 'position') : part;
    }
    coordinates.set(first + i, { operand, scope: operand.literal === null ? body.scope : body.root });
  });
  return coordinates;
}
