/**
 * One training step of the tutorial's network as `@torchlet/nn` and `@torchlet/optim` record it: linear, relu, linear, cross-entropy, backward, SGD
 * in place; the batch gathered from a stored data set if asked. Owns that graph, for tests and for measuring the planner.
 */
import { gradients } from '@torchlet/autograd';
import * as g from '@torchlet/graph';
import { stored } from './evaluate.js';
import type { Interpreter } from './interpret.js';
import { Random, randomData } from './random-graph.js';

export interface Sizes {
  readonly batch: number;
  readonly inputs: number;
  readonly hidden: number;
  readonly classes: number;
  /** Images of a stored data set that the batch is gathered from; null where the batch comes from the host. */
  readonly from: number | null;
}

export const mnist: Sizes = { batch: 100, inputs: 784, hidden: 32, classes: 10, from: null };

export interface Parameters {
  readonly w1: g.Node;
  readonly b1: g.Node;
  readonly w2: g.Node;
  readonly b2: g.Node;
  readonly data: g.Node | null;
}

export function parameters(device: Interpreter, sizes: Sizes): Parameters {
  const random = new Random(7);
  const make = (shape: g.Shape) => {
    const data = randomData(random, g.sizeOf(shape), 'float32') as Float32Array;
    return stored(
      device,
      data.map((x) => x / 8),
      shape,
      'float32',
    );
  };
  const { inputs, hidden, classes, from } = sizes;
  return {
    w1: make([hidden, inputs]),
    b1: make([hidden]),
    w2: make([classes, hidden]),
    b2: make([classes]),
    data: from === null ? null : make([from, inputs]),
  };
}

/** Records the step: the new parameters, the loss, the logits. */
export function recordStep(sizes: Sizes, parameters: Parameters, seed: number): g.Node[] {
  const random = new Random(seed);
  const { batch, inputs, classes } = sizes;
  const labels = new BigInt64Array(batch);
  for (let i = 0; i < batch; i++) labels[i] = BigInt(random.below(classes));
  const images = imagesOf(sizes, parameters, random);
  const target = g.leaf(g.hostSource(labels), [batch], 'int64');
  const leaves = [parameters.w1, parameters.b1, parameters.w2, parameters.b2].map((node) => {
    const leaf = g.leaf(node.source as g.Source, node.shape, node.dtype);
    leaf.requiresGrad = true;
    return leaf;
  });
  const [w1, b1, w2, b2] = leaves as [g.Node, g.Node, g.Node, g.Node];
  const linear = (x: g.Node, w: g.Node, b: g.Node) => {
    const product = g.matmul(x, g.permute(w, [1, 0]));
    return g.add(product, g.expand(g.reshape(b, [1, b.shape[0] as number]), product.shape));
  };
  const pre = linear(g.reshape(images, [batch, inputs]), w1, b1);
  const hidden = relu(pre);
  const logits = linear(hidden, w2, b2);
  const loss = crossEntropy(logits, target);
  const lr = g.scalar(0.5, 'float32');
  const updated = gradients(loss, leaves).map((gradient, i) => {
    const leaf = leaves[i] as g.Node;
    const rate = g.expand(
      g.reshape(
        lr,
        leaf.shape.map(() => 1),
      ),
      leaf.shape,
    );
    return g.withGradMode(false, () => g.assign(leaf, g.sub(leaf, g.mul(rate, gradient as g.Node))));
  });
  return [...updated, loss, logits];
}

function imagesOf({ batch, inputs, from }: Sizes, { data }: Parameters, random: Random): g.Node {
  if (data === null || from === null) {
    return g.leaf(g.hostSource(randomData(random, batch * inputs, 'float32')), [batch, inputs], 'float32');
  }
  const rows = Int32Array.from({ length: batch }, () => random.below(from));
  const index = g.leaf(g.hostSource(rows), [batch], 'int32');
  return g.gather(data, g.expand(g.reshape(index, [batch, 1]), [batch, inputs]), 0);
}

function relu(x: g.Node): g.Node {
  const zero = g.fullLike(x, 0);
  const value = g.binary('max', x, zero);
  const gradient = (grad: g.Node) => [g.where(g.lt(zero, value), grad, zero)];
  return g.attach(g.marker('detach', value), [x], gradient);
}

function crossEntropy(logits: g.Node, target: g.Node): g.Node {
  const { shape } = logits;
  const [rows, classes] = shape as [number, number];
  const row = (x: g.Node) => g.reshape(x, [rows]);
  const shifted = g.sub(logits, g.expand(g.reduce('reduceMax', g.marker('detach', logits), [1]), shape));
  const normalizer = g.unary('log', g.reduce('reduceSum', g.exp(shifted), [1]));
  const numbers = g.expand(g.reshape(g.iota(classes, 'int64'), [1, classes]), shape);
  const mask = g.eq(numbers, g.expand(g.reshape(target, [rows, 1]), shape));
  const picked = g.reduce('reduceSum', g.where(mask, shifted, g.fullLike(shifted, 0)), [1]);
  const losses = g.sub(row(normalizer), row(picked));
  const sum = g.reshape(g.reduce('reduceSum', losses, [0]), []);
  return g.div(sum, g.fullLike(sum, rows));
}
