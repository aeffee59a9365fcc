/**
 * The scalar functions of the contract in PTX: one row each, by kind of the arguments. Owns arithmetic, comparisons, bits, casts and the edges that the
 * instruction set leaves open; functions of a real variable are `math/`. Meaning is `packages/graph/src/scalar-meaning.ts`.
 */
import { type DType, isFloat, type ScalarFunction } from '@torchlet/device';
import type { Body } from './body.js';
import { cast } from './casts.js';
import { kindOf, type ValueKind, wrapped } from './dtypes.js';
import type { MathFunction } from './functions.js';
import { mathFunctions } from './math/index.js';
import { float64, int32, int64, type Operand } from './register.js';

/** One call: the dtype of its result, and that of its (last) argument. */
export interface Call {
  readonly body: Body;
  readonly args: readonly Operand[];
  readonly dtype: DType;
  readonly from: DType;
}

type Row = (call: Call) => Operand;

/** By kind of the arguments; a missing kind means that the function is not for it. */
type ByKind = Readonly<Partial<Record<ValueKind, Row>>>;

function byKind(name: string, rows: ByKind): Row {
  return (call) => {
    const row = rows[kindOf(call.from)];
    if (row === undefined) throw new TypeError(`${name} of ${call.from}`);
    return row(call);
  };
}

/** One instruction, with integers wrapped to their width. */
function instruction(opcode: string): Row {
  return ({ body, args, dtype }) => wrapped(body, dtype, body.op(kindOf(dtype), opcode, args));
}

function math(name: MathFunction): Row {
  return byKind(name, {
    f32: ({ body, args }) => mathFunctions[name].f32(body, args),
    f64: ({ body, args }) => mathFunctions[name].f64(body, args),
  });
}

/** The larger of two float64; NaN if either is. */
const largerFloat64: Row = ({ body, args: [x, y] }) => {
  const [a, b] = [x as Operand, y as Operand];
  const larger = body.op('f64', 'max.f64', [a, b], 'larger');
  const isNaN = body.compare('nan.f64', a, b, 'is_nan');
  return body.choose(isNaN, float64(NaN), larger);
};

/** Quotient towards 0 or remainder; the divisors 0 and -1, where the instruction is undefined or overflows, are done apart. */
function integerDivision(opcode: 'div' | 'rem'): Row {
  return ({ body, args, dtype }) => {
    const [x, y] = args as [Operand, Operand];
    const kind = kindOf(dtype) as 's32' | 's64';
    const [zero, one, minusOne] = [0, 1, -1].map((n) => (kind === 's32' ? int32(n) : int64(n))) as [
      Operand,
      Operand,
      Operand,
    ];
    const isKnown = y.literal !== null && ![0, -1].includes(Number(y.literal));
    if (isKnown) return body.op(kind, `${opcode}.${kind}`, [body.inRegister(x), y]);
    const isZero = body.compare(`eq.${kind}`, y, zero, 'by_zero');
    const isMinusOne = body.compare(`eq.${kind}`, y, minusOne, 'by_minus_one');
    const apart = body.op('pred', 'or.pred', [isZero, isMinusOne], 'apart');
    const divisor = body.choose(apart, one, y);
    const regular = body.op(kind, `${opcode}.${kind}`, [body.inRegister(x), divisor]);
    if (opcode === 'rem') {
      const ofMinusOne = body.choose(isMinusOne, zero, regular);
      return body.choose(isZero, x, ofMinusOne);
    }
    const negated = body.op(kind, `neg.${kind}`, [body.inRegister(x)]);
    const ofMinusOne = body.choose(isMinusOne, negated, regular);
    return wrapped(body, dtype, body.choose(isZero, zero, ofMinusOne));
  };
}

/** Shifts take their distance in 32 bits. */
function shift(opcode: string): Row {
  return ({ body, args, dtype }) => {
    const [x, y] = args as [Operand, Operand];
    const narrow = y.kind === 's64' && y.literal === null;
    const distance = narrow ? body.op('s32', 'cvt.u32.u64', [y], 'distance') : y;
    return wrapped(body, dtype, body.op(kindOf(dtype), opcode, [x, distance]));
  };
}

const notThe = (body: Body, value: Operand): Operand => body.op('pred', 'not.pred', [value]);

const lessBool: Row = ({ body, args }) => {
  const [x, y] = args as [Operand, Operand];
  return body.op('pred', 'and.pred', [notThe(body, x), y], 'lt');
};

const equalBool: Row = ({ body, args }) => notThe(body, body.op('pred', 'xor.pred', args, 'eq'));

function comparison(name: 'lt' | 'eq', ofBool: Row): Row {
  const row =
    (kind: ValueKind): Row =>
    ({ body, args }) =>
      body.op('pred', `setp.${name}.${kind}`, args, name);
  return byKind(name, { f32: row('f32'), f64: row('f64'), s32: row('s32'), s64: row('s64'), pred: ofBool });
}

function bits(name: 'and' | 'or' | 'xor'): Row {
  return byKind(name, {
    s32: instruction(`${name}.b32`),
    s64: instruction(`${name}.b64`),
    pred: instruction(`${name}.pred`),
  });
}

const unchanged: Row = ({ args }) => args[0] as Operand;

// Sums and products are rounded each: `.rn` keeps the assembler from joining them into one fused operation.
const rows: { readonly [Name in ScalarFunction]: Row } = {
  neg: byKind('neg', {
    f32: instruction('neg.f32'),
    f64: instruction('neg.f64'),
    s32: instruction('neg.s32'),
    s64: instruction('neg.s64'),
    pred: unchanged,
  }),
  sqrt: byKind('sqrt', { f32: instruction('sqrt.rn.f32'), f64: instruction('sqrt.rn.f64') }),
  exp: math('exp'),
  expm1: math('expm1'),
  log: math('log'),
  log1p: math('log1p'),
  sin: math('sin'),
  cos: math('cos'),
  atan: math('atan'),
  tanh: math('tanh'),
  erf: math('erf'),
  floor: (call) => (isFloat(call.dtype) ? floorOfFloat(call) : unchanged(call)),
  cast: ({ body, args, dtype, from }) => cast(body, args[0] as Operand, from, dtype),
  add: byKind('add', {
    f32: instruction('add.rn.f32'),
    f64: instruction('add.rn.f64'),
    s32: instruction('add.s32'),
    s64: instruction('add.s64'),
    pred: instruction('or.pred'),
  }),
  sub: byKind('sub', {
    f32: instruction('sub.rn.f32'),
    f64: instruction('sub.rn.f64'),
    s32: instruction('sub.s32'),
    s64: instruction('sub.s64'),
    pred: instruction('xor.pred'),
  }),
  mul: byKind('mul', {
    f32: instruction('mul.rn.f32'),
    f64: instruction('mul.rn.f64'),
    s32: instruction('mul.lo.s32'),
    s64: instruction('mul.lo.s64'),
    pred: instruction('and.pred'),
  }),
  div: byKind('div', { f32: instruction('div.rn.f32'), f64: instruction('div.rn.f64') }),
  idiv: byKind('idiv', { s32: integerDivision('div'), s64: integerDivision('div') }),
  mod: (call) => (isFloat(call.from) ? math('mod')(call) : integerDivision('rem')(call)),
  max: byKind('max', {
    f32: instruction('max.NaN.f32'),
    f64: largerFloat64,
    s32: instruction('max.s32'),
    s64: instruction('max.s64'),
    pred: instruction('or.pred'),
  }),
  pow: math('pow'),
  lt: comparison('lt', lessBool),
  eq: comparison('eq', equalBool),
  and: bits('and'),
  or: bits('or'),
  xor: bits('xor'),
  shl: byKind('shl', { s32: shift('shl.b32'), s64: shift('shl.b64') }),
  shr: byKind('shr', { s32: shift('shr.s32'), s64: shift('shr.s64') }),
  where: ({ body, args }) => body.choose(...(args as [Operand, Operand, Operand])),
};

function floorOfFloat({ body, args, dtype }: Call): Operand {
  const kind = kindOf(dtype);
  return body.op(kind, `cvt.rmi.${kind}.${kind}`, [body.inRegister(args[0] as Operand)], 'floor');
}

/** Writes a scalar function. */
export function applyFunction(fn: ScalarFunction, call: Call): Operand {
  return rows[fn](call);
}
