/**
 * The scalar functions of the kernel language on four points at a time: one row each. Arguments are locals or constants, so a row may use
 * them twice. Integers narrower than 32 bits are kept wrapped to their width. Owns the spelling in SIMD; `cast` is `vector-casts.ts`, and
 * what SIMD has no instruction for goes lane by lane through `scalar-functions.ts` or to `math/`.
 */
import type { DType, ScalarFunction } from '@torchlet/device';
import type { KernelSite, Pieces } from '../kernel-function.js';
import { inlineMath, isShort, type MathName, mathFunction } from '../math/index.js';
import {
  call,
  f32x4,
  f64x2,
  type FunctionBuilder,
  i32,
  i32x4,
  i64x2,
  type Local,
  shuffleLanes,
  type Value,
  v128,
} from '../wasm/index.js';
import { extract, laneClasses } from './lanes.js';
import { joinLanes, wrapped } from './lane-pieces.js';
import { scalarFunction } from './scalar-functions.js';
import { castPieces } from './vector-casts.js';

/** Where code goes, and the dtypes of what is computed: the result's and that of the (last) argument. */
export interface VectorSite {
  readonly site: KernelSite;
  readonly f: FunctionBuilder;
  readonly dtype: DType;
  readonly operand: DType;
  /** The second argument as a scalar, where it is a uniform integer. */
  readonly uniform: Value | null;
}

type Row = (at: VectorSite, x: Pieces, y: Pieces, z: Pieces) => Pieces;

const floatFamilies = { f32: f32x4, f64: f64x2 } as const;
const integerFamilies = { i32: i32x4, i64: i64x2 } as const;

type FloatFamily = (typeof floatFamilies)[keyof typeof floatFamilies];

/** The float instructions of a dtype, or null if it is no float. */
export function floatFamily(dtype: DType): FloatFamily | null {
  const kind = laneClasses[dtype];
  return kind === 'f32' || kind === 'f64' ? floatFamilies[kind] : null;
}

function integerFamily(dtype: DType) {
  return integerFamilies[laneClasses[dtype] === 'i64' ? 'i64' : 'i32'];
}

/** Bits that an integer of the dtype has in its lane above its own. */
function pairwise(x: Pieces, y: Pieces, combine: (a: Value, b: Value) => Value): Pieces {
  return x.map((piece, i) => combine(piece, y[i] as Value));
}

/** Masks of 64-bit lanes to masks of 32-bit lanes. */
function narrowMask([low, high]: Pieces): Pieces {
  return high === undefined ? [low as Value] : [shuffleLanes(low as Value, high, [0, 2, 4, 6])];
}

/** A mask of 32-bit lanes for each piece of a value. */
function masksFor(mask: Pieces, pieces: number): Pieces {
  const [all] = mask as [Value];
  return pieces === 1 ? mask : [i64x2.extendLowI32x4S(all), i64x2.extendHighI32x4S(all)];
}

function compare(at: VectorSite, x: Pieces, y: Pieces, floats: 'lt' | 'eq', integers: 'ltS' | 'eq'): Pieces {
  const F = floatFamily(at.operand);
  const masks = pairwise(x, y, F === null ? integerFamily(at.operand)[integers] : F[floats]);
  return narrowMask(masks);
}

/** Each lane through scalar code. */
function laneByLane(at: VectorSite, fn: ScalarFunction, x: Pieces, y: Pieces): Pieces {
  const { f, dtype, operand } = at;
  const lanes = [0, 1, 2, 3].map((lane) => {
    const left = f.let('lane', extract(operand, x, lane));
    const right = at.uniform ?? f.let('lane', extract(operand, y, lane));
    return f.let(fn, scalarFunction(f, fn, dtype, operand, [left, right]));
  }) as [Local, Local, Local, Local];
  return joinLanes(dtype, lanes);
}

function math(fn: MathName): Row {
  return (at, x, y) => {
    const dtype = laneClasses[at.dtype] === 'f64' ? 'float64' : 'float32';
    const { module, features } = at.site;
    const locals = (pieces: Pieces) => pieces.map((piece) => (piece.kind === 'local' ? piece : at.f.let('x', piece)));
    const [xs, ys] = [locals(x), fn === 'pow' ? locals(y) : []];
    return xs.map((piece, i) => {
      const second = ys[i] ?? null;
      if (isShort(fn, dtype)) return inlineMath(module, at.f, fn, dtype, features.fma, piece, second);
      const callee = mathFunction(module, fn, dtype, features.fma);
      return second === null ? call(callee, piece) : call(callee, piece, second);
    });
  };
}

/** A row for floats, integers and bool, by instruction. */
function arithmetic(
  floats: (F: FloatFamily) => (a: Value, b: Value) => Value,
  integers: 'add' | 'sub' | 'mul',
  bools: (a: Value, b: Value) => Value,
): Row {
  return (at, x, y) => {
    const F = floatFamily(at.dtype);
    if (F !== null) return pairwise(x, y, floats(F));
    if (at.dtype === 'bool') return pairwise(x, y, bools);
    return wrapped(at.dtype, pairwise(x, y, integerFamily(at.dtype)[integers]));
  };
}

function bitwise(instruction: (a: Value, b: Value) => Value): Row {
  return (_, x, y) => pairwise(x, y, instruction);
}

/** By one amount for all lanes where it is known to be one. */
function shift(fn: 'shl' | 'shr', instruction: 'shl' | 'shrS'): Row {
  return (at, x, y) => {
    if (at.uniform === null) return laneByLane(at, fn, x, y);
    const amount = at.uniform.type === 'i64' ? i32.wrapI64(at.uniform) : at.uniform;
    return wrapped(
      at.dtype,
      x.map((piece) => integerFamily(at.dtype)[instruction](piece, amount)),
    );
  };
}

/** What `integer` computes for integers; floats stay as they are given by `float`. */
function perFamily(float: (F: FloatFamily, a: Value) => Value, integer: (dtype: DType, a: Value) => Value): Row {
  return (at, x) => {
    const F = floatFamily(at.dtype);
    return F === null
      ? wrapped(
          at.dtype,
          x.map((piece) => integer(at.dtype, piece)),
        )
      : x.map((piece) => float(F, piece));
  };
}

/** x - trunc(x / y) * y in float64, which is exact for float32 while the quotient has at most 28 bits. */
function floatRemainder({ f, dtype }: VectorSite, x: Pieces, y: Pieces): Pieces {
  const isWide = laneClasses[dtype] === 'f64';
  const wide = (pieces: Pieces): readonly Local[] => {
    const [low] = pieces as [Value];
    const all = isWide
      ? pieces
      : [f64x2.promoteLowF32x4(low), f64x2.promoteLowF32x4(shuffleLanes(low, low, [2, 3, 2, 3]))];
    return all.map((piece) => f.let('wide', piece));
  };
  const [xs, ys] = [wide(x), wide(y)];
  const rests = xs.map((a, i) => {
    const b = ys[i] as Local;
    const rest = f64x2.sub(a, f64x2.mul(f64x2.trunc(f64x2.div(a, b)), b));
    const signed = v128.or(f64x2.abs(rest), v128.and(a, f64x2.const(-0)));
    const whole = v128.and(
      f64x2.lt(f64x2.abs(a), f64x2.const(Infinity)),
      f64x2.eq(f64x2.abs(b), f64x2.const(Infinity)),
    );
    return v128.bitselect(a, signed, whole);
  });
  if (isWide) return rests;
  const [low, high] = rests as [Value, Value];
  return [shuffleLanes(f32x4.demoteF64x2Zero(low), f32x4.demoteF64x2Zero(high), [0, 1, 4, 5])];
}

const onlyFloats = (): never => {
  throw new TypeError('cpu: a function of floats was given integers');
};

const rows: Readonly<Record<ScalarFunction, Row>> = {
  neg: perFamily(
    (F, a) => F.neg(a),
    (dtype, a) => integerFamily(dtype).neg(a),
  ),
  sqrt: perFamily((F, a) => F.sqrt(a), onlyFloats),
  floor: perFamily(
    (F, a) => F.floor(a),
    (_, a) => a,
  ),
  exp: math('exp'),
  expm1: math('expm1'),
  log: math('log'),
  log1p: math('log1p'),
  sin: math('sin'),
  cos: math('cos'),
  atan: math('atan'),
  tanh: math('tanh'),
  erf: math('erf'),
  pow: math('pow'),
  cast: (at, x) => castPieces(at.f, at.operand, at.dtype, x),
  add: arithmetic((F) => F.add, 'add', v128.or),
  sub: arithmetic((F) => F.sub, 'sub', v128.xor),
  mul: arithmetic((F) => F.mul, 'mul', v128.and),
  div: (at, x, y) => pairwise(x, y, floatFamily(at.dtype)?.div ?? onlyFloats),
  idiv: (at, x, y) => laneByLane(at, 'idiv', x, y),
  mod: (at, x, y) => (floatFamily(at.dtype) === null ? laneByLane(at, 'mod', x, y) : floatRemainder(at, x, y)),
  max: (at, x, y) => {
    const F = floatFamily(at.dtype);
    if (F !== null) return pairwise(x, y, F.max);
    if (at.dtype === 'bool') return pairwise(x, y, v128.or);
    if (laneClasses[at.dtype] === 'i32') return pairwise(x, y, i32x4.maxS);
    return pairwise(x, y, (a, b) => v128.bitselect(a, b, i64x2.gtS(a, b)));
  },
  lt: (at, x, y) =>
    at.operand === 'bool' ? pairwise(x, y, (a, b) => v128.andnot(b, a)) : compare(at, x, y, 'lt', 'ltS'),
  eq: (at, x, y) => compare(at, x, y, 'eq', 'eq'),
  and: bitwise(v128.and),
  or: bitwise(v128.or),
  xor: bitwise(v128.xor),
  shl: shift('shl', 'shl'),
  shr: shift('shr', 'shrS'),
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
