/** Random tensors drawn on the device, bit for bit what `Generator` draws on the host. The key and the offset are runtime numbers. */
import {
  and,
  or,
  xor,
  mul,
  add,
  binary,
  cast,
  cat,
  constant,
  expand,
  iota,
  type Node,
  reshape,
  type Shape,
  scalar,
  shrink,
  sizeOf,
  unary,
} from '@torchlet/graph';
import { type Generator, parity, rotations } from '../random.js';
import { like } from './operands.js';

function spread(word: Node, line: Node): Node {
  return expand(reshape(word, [1]), line.shape);
}

function rotateLeft(x: Node, r: number): Node {
  const low = and(binary('shr', x, like(x, 32 - r)), 2 ** r - 1);
  return or(binary('shl', x, like(x, r)), low);
}

/** `count` random int32 words, 1-d, in the order of `Generator.bits`. */
function words(count: number, generator: Generator): Node {
  const { key0, key1, offset } = generator.reserve(count);
  const blocks = Math.ceil(count / 2);
  const line = iota(blocks, 'int32');
  const k0 = scalar(key0, 'int32');
  const k1 = scalar(key1, 'int32');
  const keys = [k0, k1, xor(xor(k0, k1), constant(parity, 'int32'))];
  let x = add(add(line, spread(scalar(offset | 0, 'int32'), line)), spread(keys[0] as Node, line));
  let y = spread(add(scalar(Math.floor(offset / 2 ** 32) | 0, 'int32'), keys[1] as Node), line);
  for (let round = 0; round < 20; round++) {
    x = add(x, y);
    y = xor(rotateLeft(y, rotations[round % 8] as number), x);
    if (round % 4 !== 3) continue;
    const step = (round + 1) / 4;
    x = add(x, spread(keys[step % 3] as Node, line));
    y = add(add(y, spread(keys[(step + 1) % 3] as Node, line)), step);
  }
  const pairs = reshape(cat([reshape(x, [blocks, 1]), reshape(y, [blocks, 1])], 1), [2 * blocks]);
  return pairs;
}

function firstOf(line: Node, shape: Shape): Node {
  return reshape(shrink(line, [0], [sizeOf(shape)]), shape);
}

/** Uniform in [0, 1), float32. */
export function uniform(shape: Shape, generator: Generator): Node {
  const bits = firstOf(words(sizeOf(shape), generator), shape);
  const high = and(binary('shr', bits, like(bits, 8)), 0xffffff);
  const float = cast(high, 'float32');
  return mul(float, 2 ** -24);
}

/** Standard normal, float32, by Box and Muller. */
export function normal(shape: Shape, generator: Generator): Node {
  const count = sizeOf(shape);
  const pairs = Math.ceil(count / 2);
  const bits = reshape(words(2 * pairs, generator), [pairs, 2]);
  const high = cast(and(binary('shr', bits, like(bits, 8)), 0xffffff), 'float32');
  const first = shrink(high, [0, 0], [pairs, 1]);
  const second = shrink(high, [0, 1], [pairs, 1]);
  const one = mul(add(first, 1), 2 ** -24);
  const log = unary('log', one);
  const radius = unary('sqrt', mul(log, -2));
  const angle = mul(second, (2 * Math.PI) / 2 ** 24);
  const values = cat([mul(radius, unary('cos', angle)), mul(radius, unary('sin', angle))], 1);
  return firstOf(reshape(values, [2 * pairs]), shape);
}
