/**
 * The scalar functions of the kernel language on four points at a time: one row each. Arguments are locals or constants, so a row may use
 * them twice. Integers narrower than 32 bits are kept wrapped to their width. Owns the spelling in SIMD; `cast` is `vector-casts.ts`,
 * division of integers `integer-division.ts`, what has no instruction at all `math/`.
 */
import type { DType, ScalarFunction } from '@torchlet/device';
import type { KernelSite, Pieces } from '../kernel-function.js';
import { type MathName, math, narrowed, widened } from '../math/index.js';
import { f64x2, type FunctionBuilder, i32, i64, type Local, type Value, v128 } from '../wasm/index.js';
import { integerDivision } from './integer-division.js';
import { extract, floatsFor, integersFor, isWide, laneByLane, lowHalves, wrapped } from './lanes.js';
import { castPieces, masksFor } from './vector-casts.js';

/** Where code goes, and the dtypes of what is computed: the result's and that of the (last) argument. */
export interface VectorSite {
  readonly site: KernelSite;
  readonly f: FunctionBuilder;
  readonly dtype: DType;
  readonly operand: DType;
  /** The second argument as a scalar, where it is a uniform integer. */
  readonly uniform?: Value | null;
}

type Row = (at: VectorSite, x: Pieces, y: Pieces, z: Pieces) => Pieces;
type FloatInstructions = NonNullable<ReturnType<typeof floatsFor>>;
type IntegerInstructions = ReturnType<typeof integersFor>;
/** Names of the instructions that take one vector or two. */
type BinaryOf<Family> = {
  [Name in keyof Family]: Family[Name] extends (a: Value, b: Value) => Value ? Name : never;
}[keyof Family];

/** Piece by piece, by the instruction of that name for floats, for integers, or by one for bool. */
function byClass(
  floats: BinaryOf<FloatInstructions>,
  integers?: BinaryOf<IntegerInstructions>,
  bools?: (a: Value, b: Value) => Value,
): Row {
  return ({ operand }, x, y) =>
    x.map((a, i) => {
      const b = y[i] as Value;
      const F = floatsFor(operand);
      if (F !== null) return F[floats](a, b);
      if (operand === 'bool' && bools !== undefined) return bools(a, b);
      if (integers === undefined) throw new TypeError('cpu: a function of floats was given integers');
      return integersFor(operand)[integers](a, b);
    });
}

/** The same where the result may leave the width of its dtype. */
function arithmetic(...instructions: Parameters<typeof byClass>): Row {
  const row = byClass(...instructions);
  return (at, ...args) => wrapped(at.dtype, row(at, ...args));
}

/** A mask of 32-bit lanes. */
function comparison(...instructions: Parameters<typeof byClass>): Row {
  const row = byClass(...instructions);
  return (...args) => [lowHalves(row(...args))];
}

function bitwise(instruction: (a: Value, b: Value) => Value): Row {
  return (_, x, y) => x.map((piece, i) => instruction(piece, y[i] as Value));
}

/** Each lane with the same lane of y, or the one scalar that all of y is. */
function withEachLane(at: VectorSite, x: Pieces, y: Pieces, compute: (a: Value, b: Value) => Value): Pieces {
  const { f, dtype, operand } = at;
  return laneByLane(f, operand, dtype, x, (a, lane) =>
    compute(a, at.uniform ?? f.let('lane', extract(operand, y, lane))),
  );
}

function division(fn: keyof typeof integerDivision): Row {
  return (at, x, y) =>
    wrapped(
      at.dtype,
      withEachLane(at, x, y, (a, b) => integerDivision[fn](at.f, a, b)),
    );
}

/** By one amount for all lanes where it is known to be one. */
function shift(instruction: 'shl' | 'shrS'): Row {
  return (at, x, y) => {
    const { uniform, dtype } = at;
    const I = isWide(dtype) ? i64 : i32;
    const amount = uniform?.type === 'i64' ? i32.wrapI64(uniform) : uniform;
    const shifted = amount
      ? x.map((piece) => integersFor(dtype)[instruction](piece, amount))
      : withEachLane(at, x, y, I[instruction]);
    return wrapped(dtype, shifted);
  };
}

function mathematics(fn: MathName): Row {
  return (at, ...args) => {
    const dtype = isWide(at.dtype) ? 'float64' : 'float32';
    const { module, features } = at.site;
    const given = args.slice(0, fn === 'pow' ? 2 : 1);
    return given[0]?.map((_, i) => {
      const locals = given.map((pieces) => at.f.held('x', pieces[i] as Value)) as [Local, ...Local[]];
      return math(module, at.f, fn, dtype, features.fma, ...locals);
    }) as Pieces;
  };
}

/** x - trunc(x / y) * y in float64, which is exact for float32 while the quotient has at most 28 bits. */
function floatRemainder({ f, dtype }: VectorSite, x: Pieces, y: Pieces): Pieces {
  const wide = (pieces: Pieces) =>
    (isWide(dtype) ? pieces : widened(pieces[0] as Value)).map((piece) => f.held('wide', piece));
  const [xs, ys] = [wide(x), wide(y)];
  const [low, high] = xs.map((a, i) => {
    const b = ys[i] as Local;
    const rest = f64x2.sub(a, f64x2.mul(f64x2.trunc(f64x2.div(a, b)), b));
    const signed = v128.or(f64x2.abs(rest), v128.and(a, f64x2.const(-0)));
    const whole = v128.and(f64x2.lt(f64x2.abs(a), Infinity), f64x2.eq(f64x2.abs(b), Infinity));
    return v128.bitselect(a, signed, whole);
  }) as [Value, Value];
  return isWide(dtype) ? [low, high] : [narrowed(low, high)];
}

const integerRemainder = division('mod');

const flooredFloats = byClass('floor');
const greater = byClass('max', 'gtS', v128.or);

const rows: Readonly<Record<ScalarFunction, Row>> = {
  neg: arithmetic('neg', 'neg'),
  sqrt: byClass('sqrt'),
  floor: (at, x, y, z) => (floatsFor(at.dtype) === null ? x : flooredFloats(at, x, y, z)),
  exp: mathematics('exp'),
  expm1: mathematics('expm1'),
  log: mathematics('log'),
  log1p: mathematics('log1p'),
  sin: mathematics('sin'),
  cos: mathematics('cos'),
  atan: mathematics('atan'),
  tanh: mathematics('tanh'),
  erf: mathematics('erf'),
  pow: mathematics('pow'),
  cast: (at, x) => castPieces(at.f, at.operand, at.dtype, x),
  add: arithmetic('add', 'add', v128.or),
  sub: arithmetic('sub', 'sub', v128.xor),
  mul: arithmetic('mul', 'mul', v128.and),
  div: byClass('div'),
  idiv: division('idiv'),
  mod: (at, x, y, z) => (floatsFor(at.dtype) === null ? integerRemainder(at, x, y, z) : floatRemainder(at, x, y)),
  max: (at, x, y, z) => {
    const found = greater(at, x, y, z);
    if (floatsFor(at.dtype) !== null || at.dtype === 'bool') return found;
    return found.map((isGreater, i) => v128.bitselect(x[i] as Value, y[i] as Value, isGreater));
  },
  lt: comparison('lt', 'ltS', (a, b) => v128.andnot(b, a)),
  eq: comparison('eq', 'eq'),
  and: bitwise(v128.and),
  or: bitwise(v128.or),
  xor: bitwise(v128.xor),
  shl: shift('shl'),
  shr: shift('shrS'),
  where: (_, condition, x, y) => {
    const masks = masksFor(condition, x.length);
    return x.map((piece, i) => v128.bitselect(piece, y[i] as Value, masks[i] as Value));
  },
};

/** Code for `fn` on four points. */
export function vectorFunction(at: VectorSite, fn: ScalarFunction, args: readonly Pieces[]): Pieces {
  const [x = [], y = [], z = []] = args;
  return rows[fn](at, x, y, z);
}
