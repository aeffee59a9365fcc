/**
 * The scalar functions of the contract as WGSL expressions: one row each, for one point or four. Owns spelling and the edges that WGSL leaves open
 * for integers; functions of a real variable are calls of `math.ts`. Meaning is `packages/graph/src/scalar-meaning.ts`.
 */
import { type DType, isFloat, type ScalarFunction } from '@torchlet/device';
import type { HelperName } from './helpers.js';
import { dtypeRows, integerRange, type Kind, kindOf, typeName, type Width } from './kinds.js';

/** One call: its arguments are texts of `width` points each, their dtype `from`; the result has `dtype`. */
export interface Call {
  readonly args: readonly string[];
  readonly width: Width;
  readonly dtype: DType;
  readonly from: DType;
  /** The numbers that are arguments, null for the others. */
  readonly numbers: readonly (number | null)[];
  /** The name of a helper, which then is part of the kernel. */
  helper(name: HelperName, width?: Width): string;
}

type Row = (call: Call) => string;

/** By kind of the arguments; a missing kind means that the function is not for it. */
type ByKind = Readonly<Partial<Record<Kind, Row>>>;

function byKind(name: string, rows: ByKind): Row {
  return (call) => {
    const kind = kindOf(call.from);
    const row = rows[kind];
    if (row === undefined) throw new TypeError(`${name} of ${call.from}`);
    return row(call);
  };
}

/** `x op y`; integers wrap to their width. */
function infix(operator: string): Row {
  return ({ args: [x, y], dtype, width }) => wrapped(`(${x} ${operator} ${y})`, dtype, width);
}

function math(name: HelperName): Row {
  return ({ args: [x], helper, width }) => `${helper(name, width)}(${x})`;
}

/** A number in every lane. */
export function splat(text: string, kind: Kind | 'u32', width: Width): string {
  return width === 1 ? text : `${typeName(kind, width)}(${text})`;
}

/** An i32 expression wrapped to the width of a narrow integer dtype. */
export function wrapped(text: string, dtype: DType, width: Width): string {
  const { bits } = dtypeRows[dtype];
  if (bits === null) return text;
  if (dtype === 'uint8') return `(${text} & ${splat('255', 'i32', width)})`;
  const shift = splat(`${32 - bits}u`, 'u32', width);
  return `((${text} << ${shift}) >> ${shift})`;
}

/** Optimisers of shaders take x + 0 for x, 0 * x, 0 / x, x / inf and x - x for 0, and x / 0 for what they like: not so for NaN, infinities and signs of 0. */
const floatProduct: Row = (call) => {
  const { args, numbers, helper, width } = call;
  const zero = numbers.indexOf(0);
  if (zero < 0) return infix('*')(call);
  const value = `${helper('times_zero', width)}(${args[1 - zero]})`;
  return Object.is(numbers[zero], -0) ? `(-${value})` : value;
};

const floatQuotient: Row = (call) => {
  const { args, numbers, helper, width } = call;
  if (numbers[1] === 0) {
    const value = `${helper('over_zero', width)}(${args[0]})`;
    return Object.is(numbers[1], -0) ? `(-${value})` : value;
  }
  if (Math.abs(numbers[1] ?? 0) === Infinity) {
    const value = `${helper('times_zero', width)}(${args[0]})`;
    return (numbers[1] as number) < 0 ? `(-${value})` : value;
  }
  if (numbers[0] === 0) {
    const value = `${helper('zero_over', width)}(${args[1]})`;
    return Object.is(numbers[0], -0) ? `(-${value})` : value;
  }
  return args[0] === args[1] ? `${helper('over_itself', width)}(${args[0]})` : infix('/')(call);
};

const floatSum: Row = (call) => {
  const { args, numbers, helper, width } = call;
  const zero = numbers.indexOf(0);
  if (zero < 0) return infix('+')(call);
  const other = args[1 - zero] as string;
  return Object.is(numbers[zero], -0) ? other : `${helper('plus_zero', width)}(${other})`;
};

const floatDifference: Row = (call) => {
  const { args, numbers, helper, width } = call;
  const [x, y] = args as [string, string];
  if (numbers[1] === 0) return Object.is(numbers[1], -0) ? `${helper('plus_zero', width)}(${x})` : x;
  if (numbers[0] === 0) return Object.is(numbers[0], -0) ? `(-(${y}))` : `${helper('plus_zero', width)}(-(${y}))`;
  return x === y ? `abs(${helper('times_zero', width)}(${args[0]}))` : infix('-')(call);
};

/** Optimisers take x == x for true, and may take it that nothing is infinite: the bits decide. */
const floatEquality: Row = (call) => {
  const { args, numbers, helper, width } = call;
  const [x, y] = args;
  if (x === y) return `(!${helper('is_nan', width)}(${x}))`;
  const unbounded = numbers.findIndex((number) => number === Infinity || number === -Infinity);
  if (unbounded < 0) return infix('==')(call);
  const bits = numbers[unbounded] === Infinity ? '0x7f800000u' : '0xff800000u';
  return `(bitcast<${typeName('u32', width)}>(${args[1 - unbounded]}) == ${splat(bits, 'u32', width)})`;
};

const integerDivision =
  (operator: '/' | '%', helperName: 'quotient' | 'remainder'): Row =>
  ({ args: [x, y], numbers: [, known = null], width, dtype, helper }) => {
    if (known === 0) return operator === '/' ? splat('0', 'i32', width) : (x as string);
    if (known !== null && known !== -1) return `(${x} ${operator} ${y})`;
    return wrapped(`${helper(helperName, width)}(${x}, ${y})`, dtype, width);
  };

function shift(operator: '<<' | '>>'): Row {
  return ({ args: [x, y], numbers: [, known = null], width, dtype }) => {
    const by = known === null ? `${typeName('u32', width)}(${y})` : splat(`${known}u`, 'u32', width);
    return wrapped(`(${x} ${operator} ${by})`, dtype, width);
  };
}

const cast: Row = (call) => {
  const { args, width, dtype, from, helper } = call;
  const [x] = args as [string];
  if (from === dtype) return x;
  const kind = kindOf(dtype);
  const fromKind = kindOf(from);
  switch (kind) {
    case 'f32': {
      const value = fromKind === 'f32' ? x : `${typeName('f32', width)}(${x})`;
      if (dtype === 'float16') return `${helper('round_to_float16', width)}(${value})`;
      if (dtype === 'bfloat16') return `${helper('round_to_bfloat16', width)}(${value})`;
      return value;
    }
    case 'i32': {
      if (fromKind === 'bool') return `${typeName('i32', width)}(${x})`;
      if (fromKind === 'i32') return wrapped(x, dtype, width);
      const whole = `${helper('to_integer', width)}(${x})`;
      if (dtypeRows[dtype].bits === null) return whole;
      const [least, greatest] = integerRange(dtype).map((edge) => splat(String(edge), 'i32', width));
      return `clamp(${whole}, ${least}, ${greatest})`;
    }
    case 'bool': {
      // By its bits: NaN is true, and so is a subnormal.
      if (fromKind === 'f32') {
        const [mask, zero] = ['0x7fffffffu', '0u'].map((text) => splat(text, 'u32', width));
        return `((bitcast<${typeName('u32', width)}>(${x}) & ${mask}) != ${zero})`;
      }
      return `(${x} != ${splat('0', 'i32', width)})`;
    }
    default: {
      const never: never = kind;
      return never;
    }
  }
};

const spellings: { readonly [Name in ScalarFunction]: Row } = {
  neg: ({ args: [x], dtype, width }) => (dtype === 'bool' ? (x as string) : wrapped(`(-(${x}))`, dtype, width)),
  sqrt: math('sqrt_'),
  exp: math('exp_'),
  expm1: math('expm1_'),
  log: math('log_'),
  log1p: math('log1p_'),
  sin: math('sin_'),
  cos: math('cos_'),
  atan: math('atan_'),
  tanh: math('tanh_'),
  erf: math('erf_'),
  floor: ({ args: [x], dtype }) => (isFloat(dtype) ? `floor(${x})` : (x as string)),
  cast,
  add: byKind('add', { f32: floatSum, i32: infix('+'), bool: infix('|') }),
  sub: byKind('sub', { f32: floatDifference, i32: infix('-'), bool: infix('!=') }),
  mul: byKind('mul', { f32: floatProduct, i32: infix('*'), bool: infix('&') }),
  div: byKind('div', { f32: floatQuotient }),
  idiv: byKind('idiv', { i32: integerDivision('/', 'quotient') }),
  mod: byKind('mod', {
    f32: ({ args: [x, y], helper, width }) => `${helper('float_remainder', width)}(${x}, ${y})`,
    i32: integerDivision('%', 'remainder'),
  }),
  max: byKind('max', {
    f32: ({ args: [x, y], helper, width }) => `${helper('nan_max', width)}(${x}, ${y})`,
    i32: ({ args: [x, y] }) => `max(${x}, ${y})`,
    bool: infix('|'),
  }),
  pow: byKind('pow', { f32: ({ args: [x, y], helper, width }) => `${helper('pow_', width)}(${x}, ${y})` }),
  lt: byKind('lt', {
    f32: ({ args: [x, y] }) => `(${x} < ${y})`,
    i32: ({ args: [x, y] }) => `(${x} < ${y})`,
    bool: ({ args: [x, y] }) => `(!(${x}) & ${y})`,
  }),
  eq: byKind('eq', { f32: floatEquality, i32: infix('=='), bool: infix('==') }),
  and: byKind('and', { i32: infix('&'), bool: infix('&') }),
  or: byKind('or', { i32: infix('|'), bool: infix('|') }),
  xor: byKind('xor', { i32: infix('^'), bool: infix('!=') }),
  shl: byKind('shl', { i32: shift('<<') }),
  shr: byKind('shr', { i32: shift('>>') }),
  where: ({ args: [condition, x, y] }) => `select(${y}, ${x}, ${condition})`,
};

/** The call of a scalar function as an expression, in parentheses where it needs them. */
export function spell(fn: ScalarFunction, call: Call): string {
  return spellings[fn](call);
}
