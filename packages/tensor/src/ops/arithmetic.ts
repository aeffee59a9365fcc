/** Arithmetic, powers, rounding, minima and maxima, element by element. Comparisons are `comparison.ts`, other functions `functions.ts`. */
import { type DType, dtypes, isFloat } from '@torchlet/device';
import {
  add as addExact,
  sub as subExact,
  div as divExact,
  idiv,
  eq,
  ne as neExact,
  xor,
  and,
  mod,
  pow as powExact,
  or,
  max as maxExact,
  binary,
  cast,
  lt,
  mul as mulExact,
  neg as negExact,
  type Node,
  unary,
  where as whereExact,
} from '@torchlet/graph';
import { resultType } from '../promotion.js';
import { wide } from './autocasting.js';
import { align, alignFloat, floatOf, like, type NodeOperand, toFloat } from './operands.js';
import { piecewise, steps } from './piecewise.js';

export function add(x: NodeOperand, y: NodeOperand, alpha: number = 1): Node {
  const [a, b] = align('add', [x, y]) as [Node, Node];
  return addExact(a, alpha === 1 ? b : scaled('add', b, alpha));
}

/** @throws TypeError for two bools, as in PyTorch: use logicalXor. */
export function sub(x: NodeOperand, y: NodeOperand, alpha: number = 1): Node {
  const [a, b] = align('sub', [x, y]) as [Node, Node];
  if (a.dtype === 'bool') throw new TypeError('sub: bool tensors cannot be subtracted; use logicalXor or bitwiseNot');
  return subExact(a, alpha === 1 ? b : scaled('sub', b, alpha));
}

function scaled(op: string, x: Node, alpha: number): Node {
  if (!isFloat(x.dtype) && !Number.isInteger(alpha)) {
    throw new TypeError(`${op}: expected a whole alpha for ${x.dtype}, got ${alpha}`);
  }
  const [a, b] = align(op, [x, alpha], x.dtype) as [Node, Node];
  return mulExact(a, b);
}

export function mul(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = align('mul', [x, y]) as [Node, Node];
  return mulExact(a, b);
}

export type RoundingMode = 'trunc' | 'floor';

/** True division in floats; with a rounding mode, integers stay integers. */
export function div(x: NodeOperand, y: NodeOperand, roundingMode: RoundingMode | null = null): Node {
  const dtype = resultType([x, y]);
  if (roundingMode === null) {
    const [a, b] = alignFloat('div', [x, y]) as [Node, Node];
    return divExact(a, b);
  }
  const [a, b] = align('div', [x, y], dtype === 'bool' ? 'int64' : dtype) as [Node, Node];
  if (isFloat(a.dtype)) {
    const quotient = divExact(a, b);
    return roundingMode === 'floor' ? floorDivideFloats(a, b) : trunc(quotient);
  }
  checkDivisor('div', y);
  return roundingMode === 'floor' ? floorDivideIntegers(a, b) : idiv(a, b);
}

/** A device answers a division by 0 with some number. What the host can see is an error at the user's line. */
function checkDivisor(op: string, y: NodeOperand): void {
  const divisors = typeof y === 'object' ? (y.source?.data ?? []) : [y];
  for (const divisor of divisors) {
    if (Number(divisor) === 0)
      throw new RangeError(`${op}: integer division by zero; convert to floats, or mask the zeros`);
  }
}

export function floorDivide(x: NodeOperand, y: NodeOperand): Node {
  return div(x, y, 'floor');
}

function floorDivideIntegers(a: Node, b: Node): Node {
  const quotient = idiv(a, b);
  const rest = subExact(a, mulExact(quotient, b));
  return subExact(quotient, cast(isAcross(rest, b), a.dtype));
}

/** Whether a remainder is on the other side of 0 than the divisor, so that the quotient was rounded up. */
function isAcross(rest: Node, divisor: Node): Node {
  return and(neExact(rest, 0), xor(lt(rest, 0), lt(divisor, 0)));
}

/** As C's fmod gives a remainder first, so that 6 // 0.1 rounds as Python's does. */
function floorDivideFloats(a: Node, b: Node): Node {
  const rest = mod(a, b);
  const exact = divExact(subExact(a, rest), b);
  const lowered = whereExact(isAcross(rest, b), addExact(exact, -1), exact);
  const floor = unary('floor', lowered);
  const rounded = whereExact(lt(0.5, subExact(lowered, floor)), addExact(floor, 1), floor);
  return whereExact(eq(b, 0), divExact(a, b), rounded);
}

/** Remainder with the sign of the dividend (C's fmod). */
export function fmod(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = align('fmod', [x, y]) as [Node, Node];
  if (!isFloat(a.dtype)) checkDivisor('fmod', y);
  return mod(a, b);
}

/** Remainder with the sign of the divisor (Python's %). */
export function remainder(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = align('remainder', [x, y]) as [Node, Node];
  if (!isFloat(a.dtype)) checkDivisor('remainder', y);
  const rest = mod(a, b);
  return whereExact(isAcross(rest, b), addExact(rest, b), rest);
}

/** x ** y. A number as exponent is part of the structure; whole ones up to 4 are products. Integers to a negative power throw. */
export function pow(x: NodeOperand, y: NodeOperand): Node {
  if (typeof y === 'number' && typeof x === 'object') {
    const dtype = resultType([x, y]);
    const base = cast(x, dtype);
    if (!isFloat(dtype)) return integerPower(base, y);
    switch (y) {
      case 1:
        return mulExact(base, 1);
      case 2:
        return mulExact(base, base);
      case 3:
        return mulExact(mulExact(base, base), base);
      case 4: {
        const square = mulExact(base, base);
        return mulExact(square, square);
      }
      case 0.5:
        return unary('sqrt', base);
      case -1:
        return divExact(1, base);
      default:
        return powExact(base, y);
    }
  }
  const [a, b] = align('pow', [x, y]) as [Node, Node];
  if (isFloat(a.dtype)) return powExact(a, b);
  if (a.dtype === 'bool') return or(a, xor(b, 1));
  return integerPowers(a, b);
}

/** By squaring, as PyTorch does: products wrap, and only 1 and -1 have negative powers that are not 0. */
function integerPowers(base: Node, exponent: Node): Node {
  const one = like(base, 1);
  const isOdd = (bits: Node): Node => eq(and(bits, one), one);
  let result = one;
  let square = base;
  // No power whose exponent has more bits than int32 is worth its loop.
  for (let bit = 0; bit < Math.min(31, 8 * dtypes[base.dtype].bytes); bit++) {
    const bits = bit === 0 ? exponent : binary('shr', exponent, like(exponent, bit));
    result = whereExact(isOdd(bits), mulExact(result, square), result);
    square = mulExact(square, square);
  }
  if (base.dtype === 'uint8') return result;
  const minusOne = like(base, -1);
  const ofMinusOne = whereExact(isOdd(exponent), minusOne, one);
  const inverse = whereExact(eq(base, minusOne), ofMinusOne, whereExact(eq(base, one), one, 0));
  return whereExact(lt(exponent, 0), inverse, result);
}

function integerPower(base: Node, exponent: number): Node {
  if (exponent < 0) throw new RangeError(`pow: integers to negative integer powers are not allowed, got ${exponent}`);
  let result = like(base, 1);
  let square = base;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = mulExact(result, square);
    square = mulExact(square, square);
  }
  return result;
}

export function neg(x: Node): Node {
  if (x.dtype === 'bool') throw new TypeError('neg: bool tensors cannot be negated; use logicalNot');
  return negExact(x);
}

/** |x|; the derivative is the sign, which is 0 at 0 and NaN. */
export function abs(x: Node): Node {
  if (x.dtype === 'bool' || x.dtype === 'uint8') return x;
  const zero = like(x, 0);
  const magnitude = whereExact(lt(x, zero), negExact(x), x);
  if (!isFloat(x.dtype)) return magnitude;
  // Neither branch above turns -0 into 0.
  const value = whereExact(eq(x, zero), zero, magnitude);
  return piecewise(x, value, (grad) => mulExact(grad, signValue(x)));
}

/** 1, 0 or -1; 0 for NaN. */
export function sign(x: Node): Node {
  return x.dtype === 'bool' ? x : steps(x, signValue(x));
}

function signValue(x: Node): Node {
  const zero = like(x, 0);
  const positive = cast(lt(zero, x), x.dtype);
  const negative = cast(lt(x, zero), x.dtype);
  return subExact(positive, negative);
}

export function floor(x: Node): Node {
  return isFloat(x.dtype) ? unary('floor', x) : x;
}

export function ceil(x: Node): Node {
  return isFloat(x.dtype) ? negExact(unary('floor', negExact(x))) : x;
}

/** Towards 0. */
export function trunc(x: Node): Node {
  if (!isFloat(x.dtype)) return x;
  return whereExact(lt(x, 0), ceil(x), unary('floor', x));
}

/** To the nearest whole number, halves to even; `decimals` places. */
export function round(x: Node, decimals: number = 0): Node {
  if (!isFloat(x.dtype)) return x;
  if (decimals !== 0) {
    const scale = like(x, 10 ** Math.abs(decimals));
    const scaledUp = decimals > 0 ? mulExact(x, scale) : divExact(x, scale);
    const whole = round(scaledUp);
    return decimals > 0 ? divExact(whole, scale) : mulExact(whole, scale);
  }
  const down = unary('floor', x);
  const rest = subExact(x, down);
  const half = like(x, 0.5);
  const up = addExact(down, 1);
  const downIsEven = eq(mulExact(unary('floor', mulExact(down, half)), 2), down);
  const tie = whereExact(downIsEven, down, up);
  const nearest = whereExact(lt(half, rest), up, whereExact(eq(rest, half), tie, down));
  // What has no fraction stays as it is: -0, infinities, NaN; and a result of 0 keeps the sign of x.
  const signed = whereExact(and(eq(nearest, 0), lt(x, 0)), -0, nearest);
  return steps(x, whereExact(eq(x, down), x, whereExact(isNaNExact(rest), x, signed)));
}

function isNaNExact(x: Node): Node {
  return neExact(x, x);
}

export function frac(x: Node): Node {
  return subExact(x, trunc(x));
}

export function maximum(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = align('maximum', [x, y]) as [Node, Node];
  return maxExact(a, b);
}

export function minimum(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = align('minimum', [x, y]) as [Node, Node];
  return minExact(a, b);
}

/** -max(-x, -y); of integers by comparison, since the least one has no negative. */
export function minExact(a: Node, b: Node): Node {
  if (isFloat(a.dtype)) return negExact(maxExact(negExact(a), negExact(b)));
  return whereExact(lt(a, b), a, b);
}

/** Between `min` and `max`; where they cross, `max`. The gradient passes inside the bounds, edges included, and not at NaN. */
export function clamp(x: Node, min: NodeOperand | null, max: NodeOperand | null): Node {
  if (min === null && max === null) throw new TypeError('clamp: expected a min or a max, got neither');
  const bounds = [min, max].filter((bound) => bound !== null);
  const dtype: DType = resultType([x, ...bounds]);
  let result = piecewise(x, x, (grad) => whereExact(isNaNExact(x), 0, grad));
  if (min !== null) {
    const [a, low] = align('clamp', [result, min], dtype) as [Node, Node];
    result = whereExact(lt(a, low), low, a);
  }
  if (max !== null) {
    const [a, high] = align('clamp', [result, max], dtype) as [Node, Node];
    result = whereExact(lt(high, a), high, a);
  }
  return result;
}

export function reciprocal(x: Node): Node {
  const float = toFloat(wide(x));
  return divExact(1, float);
}

/** start + weight * (end - start), in the form that is exact at both ends. */
export function lerp(start: Node, end: NodeOperand, weight: NodeOperand): Node {
  const [a, b, w] = align('lerp', [start, end, weight], floatOf(start.dtype)) as [Node, Node, Node];
  const difference = subExact(b, a);
  const fromStart = addExact(a, mulExact(w, difference));
  const fromEnd = subExact(b, mulExact(difference, subExact(1, w)));
  return whereExact(lt(abs(w), 0.5), fromStart, fromEnd);
}

/** Whether the dtype counts as a number that can be summed without overflow of its own kind. */
export function sumDType(dtype: DType): DType {
  return dtypes[dtype].kind === 'float' ? dtype : 'int64';
}
