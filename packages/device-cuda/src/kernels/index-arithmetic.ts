/**
 * Arithmetic of indices: sums and products folded where numbers are known, and quotients of numbers that are not negative by constants, which the assembler
 * does not turn into multiplications by itself. Owns the instructions; which numbers are not negative is `LaneForms` of the device package.
 */
import type { ScalarFunction } from '@torchlet/device';
import type { Body } from '../ptx/body.js';
import { int32, int64, type Operand } from '../ptx/register.js';

function known(x: Operand): number | null {
  return typeof x.literal === 'number' ? x.literal : null;
}

export function plus(body: Body, x: Operand, y: Operand, stem = 'add'): Operand {
  const [a, b] = [known(x), known(y)];
  if (a !== null && b !== null) return int32(a + b);
  if (a === 0) return y;
  return b === 0 ? x : body.op('s32', 'add.s32', [x, y], stem);
}

export function times(body: Body, x: Operand, y: Operand, stem = 'mul'): Operand {
  const [a, b] = [known(x), known(y)];
  if (a !== null && b !== null) return int32(Math.imul(a, b));
  if (a === 0 || b === 0) return int32(0);
  if (a === 1) return y;
  return b === 1 ? x : body.op('s32', 'mul.lo.s32', [x, y], stem);
}

/** x / divisor towards 0 for x in [0, 2^31), or in [0, 2^63) where it is a 64-bit register; the divisor is a positive number. */
export function quotient(body: Body, x: Operand, divisor: number, stem = 'div'): Operand {
  if (divisor === 1) return x;
  if (x.kind === 's64') return body.op('s64', 'div.u64', [x, int64(divisor)], stem);
  const a = known(x);
  if (a !== null) return int32(Math.floor(a / divisor));
  const bits = Math.ceil(Math.log2(divisor));
  if (2 ** bits === divisor) return body.op('s32', 'shr.u32', [x, int32(bits)], stem);
  // m / 2^(31 + bits) is above 1 / divisor by less than 2^-31 / divisor, which no x below 2^31 can tell (Granlund and Montgomery, 1994).
  const m = (2n ** BigInt(31 + bits) + BigInt(divisor) - 1n) / BigInt(divisor);
  const high = body.op('s32', 'mul.hi.u32', [x, { kind: 's32', text: String(m), literal: m }], 'high');
  return bits === 1 ? high : body.op('s32', 'shr.u32', [high, int32(bits - 1)], stem);
}

/** The remainder that belongs to `quotient`. */
export function remainder(body: Body, x: Operand, divisor: number, stem = 'mod'): Operand {
  if (divisor === 1) return x.kind === 's64' ? int64(0) : int32(0);
  if (x.kind === 's64') return body.op('s64', 'rem.u64', [x, int64(divisor)], stem);
  const a = known(x);
  if (a !== null) return int32(a % divisor);
  if (Number.isInteger(Math.log2(divisor))) return body.op('s32', 'and.b32', [x, int32(divisor - 1)], stem);
  return body.op('s32', 'mad.lo.s32', [quotient(body, x, divisor), int32(-divisor), x], stem);
}

/**
 * Integer functions of indices by cheaper means than the general ones; null where there are none.
 *
 * @param isIndex whether x is known not to be negative.
 */
export function indexFunction(
  body: Body,
  fn: ScalarFunction,
  args: readonly Operand[],
  isIndex: boolean,
): Operand | null {
  const [x, y] = args;
  if (x === undefined || y === undefined) return null;
  const b = known(y);
  switch (fn) {
    case 'add':
      return plus(body, x, y);
    case 'sub':
      return b !== null ? plus(body, x, int32(-b)) : null;
    case 'mul':
      return times(body, x, y);
    case 'idiv':
      return isIndex && b !== null && b > 0 ? quotient(body, x, b) : null;
    case 'mod':
      return isIndex && b !== null && b > 0 ? remainder(body, x, b) : null;
    default:
      return null;
  }
}
