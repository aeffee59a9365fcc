/** Random graphs for fuzzing: shapes of few elements, every primitive, values that keep floats comparable. Owns the choice of what is built. */
import { type DType, dtypes, type HostArray } from '@torchlet/device';
import * as g from '@torchlet/graph';
import type { Interpreter } from './interpret.js';
import { stored } from './evaluate.js';

/** Functions whose last bit depends on who computes them: what follows them is not compared, rounded or counted by. */
const inexactOps = new Set(['exp', 'tanh', 'sin', 'div', 'matmul']);

/** xorshift32: the same seed gives the same graph. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed * 2654435761) | 1;
    for (let i = 0; i < 5; i++) this.next();
  }
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) / 2 ** 32;
  }
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}

export function randomData(random: Random, size: number, dtype: DType): HostArray {
  const data = dtypes[dtype].zeros(size);
  for (let i = 0; i < size; i++) {
    if (dtype === 'float32') data[i] = (random.below(17) - 8) / 4;
    else if (dtype === 'int64') (data as BigInt64Array)[i] = BigInt(random.below(7) - 2);
    else data[i] = dtype === 'bool' ? random.below(2) : random.below(7) - 2;
  }
  return data;
}

const shapes: readonly g.Shape[] = [[], [4], [3, 4], [2, 3, 4], [4, 3], [1, 4], [12], [2, 2, 3], [6, 2], [1], [3, 1]];

export interface RandomGraph {
  readonly outputs: readonly g.Node[];
  readonly leaves: readonly g.Node[];
}

export function randomGraph(random: Random, device: Interpreter, size: number): RandomGraph {
  const leaves: g.Node[] = [];
  const nodes: g.Node[] = [];
  const addLeaf = (shape: g.Shape, dtype: DType) => {
    const data = randomData(random, g.sizeOf(shape), dtype);
    const node = random.below(3) === 0 ? g.leaf(g.hostSource(data), shape, dtype) : stored(device, data, shape, dtype);
    leaves.push(node);
    nodes.push(node);
    return node;
  };
  for (let i = 0; i < 3; i++) addLeaf(random.pick(shapes), 'float32');
  addLeaf(random.pick(shapes), 'int32');
  /** A node of this shape and dtype: one that is there, or a new leaf, number or counter. */
  const like = (shape: g.Shape, dtype: DType): g.Node => {
    const found = nodes.filter((node) => node.dtype === dtype && g.sameShape(node.shape, shape));
    if (found.length > 0 && random.below(4) > 0) return random.pick(found);
    const broadcastable = nodes.filter(
      (node) =>
        node.dtype === dtype &&
        node.shape.length === shape.length &&
        node.shape.every((length, axis) => length === 1 || length === shape[axis]),
    );
    if (broadcastable.length > 0 && random.below(3) > 0) return g.expand(random.pick(broadcastable), shape);
    if (random.below(4) === 0) return g.full(shape, random.pick([0, 1, 2, -1]), dtype);
    if (random.below(6) === 0) {
      const value = g.scalar(dtype === 'int64' ? 2n : random.below(3), dtype);
      return shape.length === 0
        ? value
        : g.expand(
            g.reshape(
              value,
              shape.map(() => 1),
            ),
            shape,
          );
    }
    return addLeaf(shape, dtype);
  };
  while (nodes.length < size) {
    const x = random.pick(nodes.slice(-8));
    const made = step(random, x, like);
    if (made === null || g.sizeOf(made.shape) > 200 || roundsInexact(made)) continue;
    nodes.push(made);
  }
  const computed = nodes.filter((node) => node.source === null);
  const outputs = new Set<g.Node>([computed.at(-1) as g.Node]);
  for (let i = 0; i < 3; i++) outputs.add(random.pick(computed));
  const targets = leaves.filter((node) => node.source?.kind === 'stored');
  const taken = new Set<g.Node>();
  for (const target of targets) {
    if (random.below(2) === 0 || taken.has(target)) continue;
    const values = nodes.filter((node) => node.dtype === target.dtype && g.sameShape(node.shape, target.shape));
    const value = random.pick(values);
    taken.add(target);
    let written = g.assign(target, value);
    if (random.below(2) === 0 && target.shape.length > 0) written = slicedAssign(random, written, values);
    outputs.add(written);
  }
  return { outputs: [...outputs], leaves };
}

/** Whether a rounding error could become a difference of a whole number or of a choice. */
function roundsInexact(made: g.Node): boolean {
  return g.reachable([made]).some(({ op, dtype, inputs }) => {
    const steps = op === 'floor' || op === 'lt' || op === 'eq' || (op === 'cast' && dtype !== 'float32');
    return steps && g.reachable(inputs).some((node) => inexactOps.has(node.op));
  });
}

function slicedAssign(random: Random, target: g.Node, values: readonly g.Node[]): g.Node {
  const shape = target.shape.map((length) => 1 + random.below(length));
  const starts = target.shape.map((length, axis) => random.below(length - (shape[axis] as number) + 1));
  const value = g.shrink(
    random.pick(values),
    target.shape.map(() => 0),
    shape,
  );
  return g.assignSlice(
    target,
    value,
    starts,
    shape.map(() => 1),
  );
}

type Like = (shape: g.Shape, dtype: DType) => g.Node;

function step(random: Random, x: g.Node, like: Like): g.Node | null {
  const { shape } = x;
  const rank = shape.length;
  const axis = random.below(Math.max(1, rank));
  const isFloat = x.dtype === 'float32';
  switch (random.below(24)) {
    case 0:
      return isFloat
        ? g.unary(random.pick(['exp', 'tanh', 'sin', 'neg', 'floor'] as const), g.mul(x, g.fullLike(x, 0.125)))
        : null;
    case 1:
    case 2:
      return x.dtype === 'bool'
        ? g.binary(random.pick(['and', 'or', 'xor'] as const), x, like(shape, 'bool'))
        : g.add(x, like(shape, x.dtype));
    case 3:
      return x.dtype === 'bool' ? null : g.mul(x, g.sub(like(shape, x.dtype), g.fullLike(x, 1)));
    case 4:
      return g.binary(random.pick(['lt', 'eq'] as const), x, like(shape, x.dtype));
    case 5:
      return g.where(like(shape, 'bool'), x, like(shape, x.dtype));
    case 6:
    case 7:
    case 8:
      if (rank === 0 || x.dtype === 'bool') return null;
      return g.reduce(
        random.pick(['reduceSum', 'reduceMax', 'reduceSum'] as const),
        x,
        random.below(3) === 0 ? shape.map((_, a) => a) : [axis],
      );
    case 9:
      return g.reshape(x, random.pick([[g.sizeOf(shape)], [...shape, 1], [1, ...shape], halved(shape)]));
    case 10:
      return g.permute(x, shape.map((_, a) => a).reverse());
    case 11:
      return rank === 0
        ? null
        : g.pad(
            x,
            shape.flatMap((_, a) => (a === axis ? [random.below(2), random.below(3)] : [0, 0])),
            random.pick([0, 1, -2]),
          );
    case 12:
      return rank === 0 ? null : g.flip(x, [axis]);
    case 13: {
      if (rank === 0 || (shape[axis] as number) < 3) return null;
      return g.window(x, axis, 2, 1 + random.below(2), 1 + random.below(2));
    }
    case 14:
      return rank === 0 ? null : g.cat([x, like(shape, x.dtype), x], axis);
    case 15: {
      if (rank === 0) return null;
      const to = shape.map((length) => Math.max(1, length - random.below(2)));
      const starts = shape.map((length, a) => (a === axis ? 0 : length - (to[a] as number)));
      if (random.below(2) === 0) return g.shrink(x, starts, to);
      const room = (shape[axis] as number) - (to[axis] as number);
      return g.shrink(x, starts, to, { axis, start: g.scalar(random.below(room + 1), 'int32') });
    }
    case 16:
    case 17: {
      if (!isFloat || rank < 2) return null;
      const k = shape[rank - 1] as number;
      return g.matmul(x, like([...shape.slice(0, -2), k, 3], 'float32'));
    }
    case 18: {
      if (!isFloat || rank < 2) return null;
      const order = shape.map((_, a) => (a < rank - 2 ? a : 2 * rank - 3 - a));
      return g.matmul(x, g.permute(x, order));
    }
    case 19:
      return rank === 0 ? null : g.gather(x, like(shape, 'int32'), axis);
    case 20:
      return rank === 0 || x.dtype === 'bool'
        ? null
        : g.scatterAdd(like(shape, x.dtype), like(shape, 'int32'), x, axis);
    case 21: {
      if (rank === 0 || !isFloat) return null;
      const one = shape.map((length, a) => (a === axis ? 1 : length));
      return g.scatterAdd(g.fullLike(x, 0), like(one, 'int32'), like(one, 'float32'), axis);
    }
    case 22:
      return g.cast(x, random.pick(['float32', 'int32', 'int64'] as const));
    case 23: {
      if (rank === 0 || !isFloat) return null;
      const m = g.expand(g.reduce('reduceMax', x, [axis]), shape);
      const e = g.exp(g.sub(x, m));
      return g.div(e, g.expand(g.reduce('reduceSum', e, [axis]), shape));
    }
    default:
      return null;
  }
}

function halved(shape: g.Shape): g.Shape {
  const axis = shape.findIndex((length) => length % 2 === 0 && length > 0);
  if (axis < 0) return shape;
  return [...shape.slice(0, axis), (shape[axis] as number) / 2, 2, ...shape.slice(axis + 1)];
}
