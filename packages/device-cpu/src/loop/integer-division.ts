/** Quotients and remainders of single integers, which SIMD cannot do: never a trap, whatever the operands. An integer of up to 32 bits is an i32. */
import { type FunctionBuilder, i32, i64, select, type Value } from '../wasm/index.js';

/** Whether the divisor is a constant that needs no care: the engine then divides by a product. */
function isSafe(y: Value): boolean {
  return y.kind === 'instruction' && y.value !== undefined && ![0, -1].includes(Number(y.value));
}

/** Towards 0; by 0 gives 0; by -1 wraps, where Wasm would trap. */
function quotient(f: FunctionBuilder, x: Value, y: Value): Value {
  const I = y.type === 'i64' ? i64 : i32;
  if (isSafe(y)) return I.divS(x, y);
  const safe = f.let('safe', select(I.const(1), y, i32.or(I.eqz(y), I.eq(y, -1))));
  return select(I.const(0), select(I.sub(0, x), I.divS(x, safe), I.eq(y, -1)), I.eqz(y));
}

/** With the sign of x; by 0 gives x. */
function remainder(f: FunctionBuilder, x: Value, y: Value): Value {
  const I = y.type === 'i64' ? i64 : i32;
  if (isSafe(y)) return I.remS(x, y);
  const safe = f.let('safe', select(I.const(1), y, I.eqz(y)));
  return select(x, I.remS(x, safe), I.eqz(y));
}

/** Arguments are locals or constants. */
export const integerDivision = { idiv: quotient, mod: remainder } as const;
