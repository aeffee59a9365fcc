/**
 * Scalar expressions: what a kernel computes for one point of its axes. Plain, immutable data, shared as a graph (the same object in two
 * places is computed once). Owns the scalar functions and their meaning in words; not loops (`kernel.ts`) and not how a device spells
 * them. Read `kernel.ts` next.
 */
import type { DType } from './dtype.js';

interface ScalarFunctionRow {
  readonly arity: 1 | 2 | 3;
  readonly doc: string;
}

/**
 * What a device must be able to compute for one element. Arguments of a binary function have one dtype; `lt` and `eq` give bool; `where`
 * takes (bool, x, x). NaN, infinities, signed zero and wrap-around of integers are part of the meaning: see `doc` and
 * `meaning.ts` of `@torchlet/graph`, which is the definition.
 */
export const scalarFunctions = {
  neg: { arity: 1, doc: '-x; integers wrap' },
  sqrt: { arity: 1, doc: 'NaN below 0; sqrt(-0) is -0' },
  exp: { arity: 1, doc: 'e^x' },
  expm1: { arity: 1, doc: 'e^x - 1, exact near 0' },
  log: { arity: 1, doc: 'natural logarithm; log(0) is -inf, NaN below 0' },
  log1p: { arity: 1, doc: 'log(1 + x), exact near 0' },
  sin: { arity: 1, doc: 'sine of radians' },
  cos: { arity: 1, doc: 'cosine of radians' },
  atan: { arity: 1, doc: 'arc tangent, radians' },
  tanh: { arity: 1, doc: 'hyperbolic tangent; 1 and -1 for large arguments' },
  erf: { arity: 1, doc: 'error function' },
  floor: { arity: 1, doc: 'largest whole number not above x; integers unchanged' },
  cast: {
    arity: 1,
    doc: 'to the dtype of the expression: float to int truncates towards 0 (out of range saturates, NaN is 0), to bool is x != 0, int to int wraps, to a narrower float rounds to nearest even',
  },
  add: { arity: 2, doc: 'x + y; integers wrap; bool: or' },
  sub: { arity: 2, doc: 'x - y; integers wrap' },
  mul: { arity: 2, doc: 'x * y; integers wrap; bool: and' },
  div: { arity: 2, doc: 'x / y, floats only' },
  idiv: { arity: 2, doc: 'integer division towards 0; by 0 gives 0; the least integer by -1 wraps' },
  mod: {
    arity: 2,
    doc: 'remainder with the sign of x, exact: x less a whole multiple of y; integers by 0 give x, floats NaN, and a finite x by an infinity is x',
  },
  max: { arity: 2, doc: 'the larger; NaN if either is NaN' },
  pow: { arity: 2, doc: 'x ** y with the C rules (pow(x, 0) is 1, pow(1, y) is 1), floats only' },
  lt: { arity: 2, doc: 'x < y; false with NaN' },
  eq: { arity: 2, doc: 'x == y; false with NaN; 0 equals -0' },
  and: { arity: 2, doc: 'bitwise, integers and bool' },
  or: { arity: 2, doc: 'bitwise, integers and bool' },
  xor: { arity: 2, doc: 'bitwise, integers and bool' },
  shl: { arity: 2, doc: 'x << y, integers; y in [0, width)' },
  shr: { arity: 2, doc: 'x >> y, integers; keeps the sign of signed ones; y in [0, width)' },
  where: { arity: 3, doc: 'condition ? x : y; the side not taken has no effect (its NaN does not leak)' },
} as const satisfies Record<string, ScalarFunctionRow>;

export type ScalarFunction = keyof typeof scalarFunctions;

/** A number known when the program was compiled. int64 constants beyond 2^53 are bigints; bool is 0 or 1. */
export interface Constant {
  readonly kind: 'constant';
  readonly dtype: DType;
  readonly value: number | bigint;
}

/** The position along one of the kernel's axes, from 0. Index arithmetic is int32. */
export interface AxisIndex {
  readonly kind: 'axis';
  readonly dtype: 'int32';
  readonly axis: number;
}

/** A number given anew at each run: slot `slot` of the program's scalars. */
export interface RuntimeScalar {
  readonly kind: 'scalar';
  readonly dtype: DType;
  readonly slot: number;
}

/**
 * One element of a slot of the program. `index` counts elements. Where `mask` is given and false, memory is not touched and the value is
 * `otherwise`; the index may then be anything.
 */
export interface Load {
  readonly kind: 'load';
  readonly dtype: DType;
  readonly slot: number;
  readonly index: Expression;
  readonly mask: Expression | null;
  readonly otherwise: number;
}

/** The result of a reduction of an earlier phase, or a matmul's accumulated product. */
export interface Result {
  readonly kind: 'result';
  readonly dtype: DType;
  readonly id: number;
}

export interface Apply {
  readonly kind: 'apply';
  readonly dtype: DType;
  readonly fn: ScalarFunction;
  readonly args: readonly Expression[];
}

export type Expression = Constant | AxisIndex | RuntimeScalar | Load | Result | Apply;

/** The expressions that `expression` is made of directly, its index and mask included. */
export function operands(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'constant':
    case 'axis':
    case 'scalar':
    case 'result':
      return [];
    case 'load':
      return expression.mask === null ? [expression.index] : [expression.index, expression.mask];
    case 'apply':
      return expression.args;
    default: {
      const never: never = expression;
      return never;
    }
  }
}

/** Every distinct expression under `roots`, operands before users. Does not recurse. */
export function postorder(roots: readonly Expression[]): Expression[] {
  const done = new Set<Expression>();
  const order: Expression[] = [];
  const stack: Expression[] = [...roots].reverse();
  while (stack.length > 0) {
    const top = stack[stack.length - 1] as Expression;
    if (done.has(top)) {
      stack.pop();
      continue;
    }
    const waiting = operands(top).filter((operand) => !done.has(operand));
    if (waiting.length === 0) {
      stack.pop();
      done.add(top);
      order.push(top);
      continue;
    }
    for (let i = waiting.length - 1; i >= 0; i--) stack.push(waiting[i] as Expression);
  }
  return order;
}

/** Every distinct load under `roots`. */
export function loadsIn(roots: readonly Expression[]): Load[] {
  return postorder(roots).filter((expression) => expression.kind === 'load');
}

/**
 * Rewrites expressions from their operands up; what was shared stays shared, also from root to root.
 *
 * @param change gets an expression whose operands are changed already, the same object where none of them is, and gives what takes its place.
 */
export function rewriter(change: (expression: Expression) => Expression): (root: Expression) => Expression {
  const done = new Map<Expression, Expression>();
  const of = (expression: Expression) => done.get(expression) as Expression;
  return (root) => {
    if (done.has(root)) return of(root);
    for (const expression of postorder([root])) {
      if (!done.has(expression)) done.set(expression, change(withOperands(expression, of)));
    }
    return of(root);
  };
}

function withOperands(expression: Expression, of: (operand: Expression) => Expression): Expression {
  if (operands(expression).every((operand) => of(operand) === operand)) return expression;
  if (expression.kind === 'apply') return { ...expression, args: expression.args.map(of) };
  const { index, mask } = expression as Load;
  return { ...(expression as Load), index: of(index), mask: mask === null ? null : of(mask) };
}
