/**
 * The rewrite rules, one row each: a pattern, what takes its place, and in its comment why that is the same and better. Owns nothing but rows; a test
 * evaluates both sides of every row by the reference. `rewrite.ts` applies them.
 */
import { type DType, dtypes, isFloat, isInteger } from '@torchlet/device';
import {
  lt,
  and,
  cast,
  cat,
  div,
  eq,
  exactMeanings,
  expand,
  full,
  fullLike,
  iota,
  mul,
  Node,
  permute,
  type Primitive,
  rangeOf,
  reduce,
  reshape,
  type Shape,
  sameShape,
  sizeOf,
  where,
} from '@torchlet/graph';
import { coversAll } from './inputs.js';
import { fold, isSplat, splatOf } from './splat.js';

export interface RewriteRule {
  /** Primitives the pattern begins with; null for all. */
  readonly ops: readonly Primitive[] | null;
  /** What takes the node's place; null where the pattern does not fit. Made of few nodes, each simpler. */
  replacement(node: Node): Node | null;
}

const reduces = ['reduceSum', 'reduceMax', 'reduceProd'] as const;

export const rewriteRules = {
  /** Marks of recording; every value the compiler stores is row-major and its own. */
  marker: {
    ops: ['contiguous', 'copy', 'detach', 'attach'],
    replacement: (node) => input(node),
  },
  /** A node without elements computes nothing. */
  empty: {
    ops: null,
    replacement: (node) =>
      node.inputs.length > 0 && sizeOf(node.shape) === 0 && splatOf(node) === null
        ? full(node.shape, 0, node.dtype)
        : null,
  },
  /** Numbers known now need no kernel; what devices approximate, they compute. */
  fold: {
    ops: Object.keys(exactMeanings) as Primitive[],
    replacement: (node) => {
      const args = node.inputs.map(splatOf);
      if (args.some((arg) => arg === null)) return null;
      const from = (node.inputs.at(-1) as Node).dtype;
      return full(
        node.shape,
        fold(node.op as keyof typeof exactMeanings, args as (number | bigint)[], node.dtype, from),
        node.dtype,
      );
    },
  },
  /** Only the last shape shows. */
  'reshape of reshape': {
    ops: ['reshape'],
    replacement: (node) => (isOp(input(node), 'reshape') ? reshape(input(input(node)), node.shape) : null),
  },
  /** Nothing moves. */
  'reshape to the same': {
    ops: ['reshape', 'expand'],
    replacement: (node) => (sameShape(input(node).shape, node.shape) ? input(node) : null),
  },
  /** One permutation does both. */
  'permute of permute': {
    ops: ['permute'],
    replacement: (node) => {
      const inner = input(node);
      if (!isOp(inner, 'permute')) return null;
      return permute(
        input(inner),
        node.attrs.map((axis) => inner.attrs[axis] as number),
      );
    },
  },
  /** The last shape says it all. */
  'expand of expand': {
    ops: ['expand'],
    replacement: (node) => (isOp(input(node), 'expand') ? expand(input(input(node)), node.shape) : null),
  },
  /** It is that number everywhere, wherever it is read. */
  'movement of one number': {
    ops: ['reshape', 'permute', 'expand', 'shrink', 'flip', 'window'],
    replacement: (node) => (isNumber(input(node)) ? filled(input(node), node.shape) : null),
  },
  /** A detour through a dtype that holds every value changes none. */
  'cast of cast': {
    ops: ['cast'],
    replacement: (node) => {
      const inner = input(node);
      if (!isOp(inner, 'cast') || !holdsAll(inner.dtype, input(inner).dtype)) return null;
      return cast(input(inner), node.dtype);
    },
  },
  /** Signs cancel, to the bit. */
  'neg of neg': {
    ops: ['neg'],
    replacement: (node) => (isOp(input(node), 'neg') ? input(input(node)) : null),
  },
  /** One is neutral. */
  'times one': {
    ops: ['mul', 'div', 'pow', 'idiv'],
    replacement: (node) => {
      if (isSplat(input(node, 1), 1)) return input(node);
      return node.op === 'mul' && isSplat(input(node), 1) ? input(node, 1) : null;
    },
  },
  /** Zero is neutral; among floats only -0 is, for -0 + 0 is 0. */
  'plus zero': {
    ops: ['add'],
    replacement: (node) => {
      const zero = isFloat(node.dtype) ? -0 : 0;
      if (isSplat(input(node, 1), zero)) return input(node);
      return isSplat(input(node), zero) ? input(node, 1) : null;
    },
  },
  /** Among integers there is no NaN to keep. */
  'times zero': {
    ops: ['mul'],
    replacement: (node) => {
      if (!isInteger(node.dtype)) return null;
      return isSplat(input(node), 0) || isSplat(input(node, 1), 0) ? fullLike(node, 0) : null;
    },
  },
  /** X * x is exact to the last bit and costs one multiplication. */
  square: {
    ops: ['pow'],
    replacement: (node) => (isSplat(input(node, 1), 2) ? mul(input(node), input(node)) : null),
  },
  /** 1 / x is x to the -1. */
  reciprocal: {
    ops: ['pow'],
    replacement: (node) => (isSplat(input(node, 1), -1) ? div(1, input(node)) : null),
  },
  /** Either way the same value. */
  'same alternatives': {
    ops: ['where', 'max'],
    replacement: (node) => (input(node, 1) === node.inputs.at(node.op === 'max' ? 0 : 2) ? input(node, 1) : null),
  },
  /** The other side is dead. */
  'known condition': {
    ops: ['where'],
    replacement: (node) => {
      const condition = splatOf(input(node));
      return condition === null ? null : input(node, condition === 0 ? 2 : 1);
    },
  },
  /** Over no element a sum is 0, a product 1, a max the least value. */
  'reduce of nothing': {
    ops: reduces,
    replacement: (node) => {
      if (sizeOf(input(node).shape) > 0 || sizeOf(node.shape) === 0) return null;
      return full(node.shape, identityOf(node.op, node.dtype), node.dtype);
    },
  },
  /** One element is its own sum, product and max. */
  'reduce over length one': {
    ops: reduces,
    replacement: (node) => {
      const x = input(node);
      const rest = node.attrs.filter((axis) => x.shape[axis] !== 1);
      if (rest.length === node.attrs.length || sizeOf(x.shape) === 0) return null;
      return reduce(node.op as (typeof reduces)[number], x, rest);
    },
  },
  /** Equal elements: the sum is a multiple, the max is one of them. */
  'reduce of expand': {
    ops: ['reduceSum', 'reduceMax'],
    replacement: (node) => {
      const x = input(node);
      if (!(isOp(x, 'expand') || isNumber(x)) || sizeOf(x.shape) === 0) return null;
      const ones = x.shape.map(() => 1);
      const from = isNumber(x) ? filled(x, ones) : input(x);
      const repeated = node.attrs.filter((axis) => from.shape[axis] === 1 && x.shape[axis] !== 1);
      const count = repeated.reduce((product, axis) => product * (x.shape[axis] as number), 1);
      // A float of two bytes does not hold every count.
      if (repeated.length === 0 || (count > 256 && isFloat(node.dtype) && dtypes[node.dtype].bytes === 2)) return null;
      const inner = expand(
        from,
        x.shape.map((length, axis) => (repeated.includes(axis) ? 1 : length)),
      );
      const rest = reduce(
        node.op as 'reduceSum' | 'reduceMax',
        inner,
        node.attrs.filter((axis) => !repeated.includes(axis)),
      );
      return node.op === 'reduceMax' || node.dtype === 'bool' ? rest : mul(rest, count);
    },
  },
  /** An empty sum is 0. */
  'product over nothing': {
    ops: ['matmul'],
    replacement: (node) => (input(node).shape.at(-1) === 0 ? full(node.shape, 0, node.dtype) : null),
  },
  /** Every element is that number; of an empty tensor there is none to read. */
  'gather of one number': {
    ops: ['gather'],
    replacement: (node) => {
      const value = sizeOf(input(node).shape) === 0 ? 0 : splatOf(input(node));
      return value === null ? null : full(node.shape, value, node.dtype);
    },
  },
  /** Nothing is added. */
  'scatter of nothing': {
    ops: ['scatterAdd'],
    replacement: (node) => (sizeOf(input(node, 1).shape) === 0 ? input(node) : null),
  },
  /** One element per row into zeros is a comparison, which fuses; a scatter is a kernel of its own. */
  'one hot': {
    ops: ['scatterAdd'],
    replacement: (node) => {
      const [base, index, src] = node.inputs as [Node, Node, Node];
      const axis = node.attrs[0] as number;
      const fits = index.shape.every((length, a) => length === (a === axis ? 1 : node.shape[a]));
      if (!fits || !isSplat(base, 0) || sizeOf(node.shape) === 0) return null;
      const along = node.shape.map((length, a) => (a === axis ? length : 1));
      // A narrow index dtype can't count the positions.
      const place = dtypes[index.dtype].bytes < 4 ? cast(index, 'int32') : index;
      const positions = reshape(iota(node.shape[axis] as number, place.dtype), along);
      const hit = eq(expand(positions, node.shape), expand(place, node.shape));
      return where(hit, expand(src, node.shape), 0);
    },
  },
  /** Of a row with one element that counts, the sum is that element. */
  'sum of one hot': {
    ops: ['reduceSum'],
    replacement: (node) => {
      const x = input(node);
      const axis = node.attrs[0] as number;
      if (!isOp(x, 'where') || node.attrs.length !== 1) return null;
      const [hit, value, zero] = x.inputs as [Node, Node, Node];
      const src = isOp(value, 'expand') && input(value).shape[axis] === 1 ? input(value) : oneAlong(value, axis);
      const place = isOp(hit, 'eq') && isOp(input(hit, 1), 'expand') ? input(input(hit, 1)) : null;
      if (place === null || src === null || place.shape[axis] !== 1 || !isSplat(zero, 0)) return null;
      if (!isCount(input(hit), axis)) return null;
      const whole = expand(place, node.shape);
      const least = lt(-1, whole);
      const most = lt(whole, x.shape[axis] as number);
      return where(and(least, most), expand(src, node.shape), 0);
    },
  },
  /** An empty part takes no place. */
  'cat with empty parts': {
    ops: ['cat'],
    replacement: (node) => {
      const parts = node.inputs.filter((part) => sizeOf(part.shape) > 0);
      return parts.length === node.inputs.length || parts.length === 0 ? null : cat(parts, node.attrs[0] as number);
    },
  },
  /** Nothing of the target is left. */
  'assign all': {
    ops: ['assign'],
    replacement: (node) => (coversAll(node) ? input(node, 1) : null),
  },
  /** The target stays as it is. */
  'assign nothing': {
    ops: ['assign'],
    replacement: (node) => (sizeOf(input(node, 1).shape) === 0 ? input(node) : null),
  },
} as const satisfies Record<string, RewriteRule>;

export type RewriteRuleName = keyof typeof rewriteRules;

const byOp = new Map<Primitive, readonly RewriteRule[]>();

/** The rules whose pattern can begin with this node. A leaf is beyond rules. */
export function rulesOf(node: Node): readonly RewriteRule[] {
  if (node.source !== null) return [];
  const known = byOp.get(node.op);
  if (known !== undefined) return known;
  const found = Object.values<RewriteRule>(rewriteRules).filter(({ ops }) => ops === null || ops.includes(node.op));
  byOp.set(node.op, found);
  return found;
}

function input(node: Node, i = 0): Node {
  return node.inputs[i] as Node;
}

function isOp(node: Node, op: Primitive): boolean {
  return node.source === null && node.op === op;
}

function identityOf(op: Primitive, dtype: DType): number | bigint {
  if (op === 'reduceSum') return 0;
  return op === 'reduceProd' ? 1 : rangeOf(dtype).least;
}

/** Whether every value of `from` is one of `wide`, so that a cast there and on is one cast. */
function holdsAll(wide: DType, from: DType): boolean {
  if (from === 'bool') return true;
  if (from === wide) return true;
  if (isFloat(from)) {
    if (wide === 'float64') return true;
    return wide === 'float32' && dtypes[from].bytes === 2;
  }
  if (isFloat(wide)) return false;
  return dtypes[wide].bytes > dtypes[from].bytes;
}

/** Whether `node` counts 0, 1, 2, ... along `axis` and is the same along the others. */
function isCount(node: Node, axis: number): boolean {
  const shaped = isOp(node, 'expand') ? input(node) : node;
  const line = isOp(shaped, 'reshape') ? input(shaped) : shaped;
  return (
    isOp(line, 'iota') && shaped.shape.every((length, a) => (a === axis ? length === line.shape[0] : length === 1))
  );
}

/** Whether `node` is one number everywhere, known now or at run time. */
function isNumber(node: Node): boolean {
  return isOp(node, 'constant') || isOp(node, 'scalar');
}

/** The number of `node` at every place of `shape`. */
function filled(node: Node, shape: Shape): Node {
  return new Node(node.op, node.dtype, shape, undefined, undefined, node.value);
}

/** A number with length 1 along `axis`. */
function oneAlong(node: Node, axis: number): Node | null {
  if (!isNumber(node)) return null;
  return filled(
    node,
    node.shape.map((length, a) => (a === axis ? 1 : length)),
  );
}
