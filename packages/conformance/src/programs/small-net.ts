/**
 * The network most programs train, and the same in plain float64 with its gradients written out. Owns both, and batches for them.
 */
import { crossEntropy, Linear, Module } from '@torchlet/nn';
import { noGrad, type Tensor, tensor } from '@torchlet/tensor';
import { at, build, type Plain, plain } from '../op-info/plain.js';
import { around0, random, randomIntegers } from '../op-info/row.js';
import { closeness } from '../op-info/tolerances.js';
import { assertNumbers, numbersOf } from '../suites/assertions.js';

const inputs = 6;
const hidden = 5;
const classes = 3;

export class SmallNet extends Module {
  readonly linear1 = new Linear(inputs, hidden);
  readonly linear2 = new Linear(hidden, classes);

  constructor(seed = 1) {
    super();
    const { w1, b1, w2, b2 } = initialWeights(seed);
    const values = [w1, b1, w2, b2];
    noGrad(() => parametersOf(this).forEach((parameter, i) => void parameter.copy_(host(values[i] as Plain))));
  }

  override forward(x: Tensor): Tensor {
    return this.linear2.forward(this.linear1.forward(x).relu());
  }
}

/** Rows of a training set on the host. */
export interface Batch {
  readonly images: Plain;
  readonly labels: Plain;
}

export function batchOf(rows: number, seed: number): Batch {
  return { images: random([rows, inputs], around0, seed), labels: randomIntegers([rows], classes, seed) };
}

export function host(x: Plain): Tensor {
  return tensor(Float32Array.from(x.data), { shape: x.shape });
}

export function labelsOf({ labels }: Batch): Tensor {
  return tensor(BigInt64Array.from(labels.data, BigInt), { shape: labels.shape });
}

/** One recorded forward pass with its loss. */
export function lossOf(net: SmallNet, batch: Batch): { logits: Tensor; loss: Tensor } {
  const logits = net.forward(host(batch.images));
  return { logits, loss: crossEntropy(logits, labelsOf(batch)) };
}

function initialWeights(seed: number): { w1: Plain; b1: Plain; w2: Plain; b2: Plain } {
  const range = { low: -0.6, high: 0.6 };
  return {
    w1: random([hidden, inputs], range, seed),
    b1: random([hidden], range, seed + 1),
    w2: random([classes, hidden], range, seed + 2),
    b2: random([classes], range, seed + 3),
  };
}

export interface Gradients {
  readonly w1: Plain;
  readonly b1: Plain;
  readonly w2: Plain;
  readonly b2: Plain;
}

/** SmallNet in plain float64. */
export class PlainNet {
  weights: Gradients;

  constructor(seed = 1) {
    this.weights = initialWeights(seed);
  }

  logits({ images }: Batch): Plain {
    return this.#forward(images).logits;
  }

  /** The mean cross-entropy and its gradients. */
  gradients({ images, labels }: Batch): { loss: number; logits: Plain; gradients: Gradients } {
    const { w2 } = this.weights;
    const { pre, active, logits } = this.#forward(images);
    const rows = images.shape[0] as number;
    const probabilities = softmaxRows(logits);
    let loss = 0;
    for (let i = 0; i < rows; i++) loss -= Math.log(at(probabilities, [i, at(labels, [i])])) / rows;
    const dLogits = build(
      logits.shape,
      ([i = 0, c = 0]) => (at(probabilities, [i, c]) - Number(at(labels, [i]) === c)) / rows,
    );
    const dPre = build(pre.shape, ([i = 0, h = 0]) => {
      if (at(pre, [i, h]) <= 0) return 0;
      return sum(classes, (c) => at(dLogits, [i, c]) * at(w2, [c, h]));
    });
    const gradients: Gradients = {
      w1: build([hidden, inputs], ([h = 0, p = 0]) => sum(rows, (i) => at(dPre, [i, h]) * at(images, [i, p]))),
      b1: build([hidden], ([h = 0]) => sum(rows, (i) => at(dPre, [i, h]))),
      w2: build([classes, hidden], ([c = 0, h = 0]) => sum(rows, (i) => at(dLogits, [i, c]) * at(active, [i, h]))),
      b2: build([classes], ([c = 0]) => sum(rows, (i) => at(dLogits, [i, c]))),
    };
    return { loss, logits, gradients };
  }

  /** w -= rate * g. */
  update(gradients: Gradients, rate: number): void {
    const moved = (w: Plain, g: Plain): Plain =>
      plain(
        w.shape,
        w.data.map((value, i) => value - rate * (g.data[i] as number)),
      );
    const { w1, b1, w2, b2 } = this.weights;
    this.weights = {
      w1: moved(w1, gradients.w1),
      b1: moved(b1, gradients.b1),
      w2: moved(w2, gradients.w2),
      b2: moved(b2, gradients.b2),
    };
  }

  /** One step of gradient descent. @returns the loss and the logits before it. */
  step(batch: Batch, rate: number): { loss: number; logits: Plain } {
    const { loss, logits, gradients } = this.gradients(batch);
    this.update(gradients, rate);
    return { loss, logits };
  }

  #forward(images: Plain): { pre: Plain; active: Plain; logits: Plain } {
    const { w1, b1, w2, b2 } = this.weights;
    const rows = images.shape[0] as number;
    const pre = build(
      [rows, hidden],
      ([i = 0, h = 0]) => at(b1, [h]) + sum(inputs, (p) => at(images, [i, p]) * at(w1, [h, p])),
    );
    const active = plain(
      pre.shape,
      pre.data.map((value) => Math.max(0, value)),
    );
    const logits = build(
      [rows, classes],
      ([i = 0, c = 0]) => at(b2, [c]) + sum(hidden, (h) => at(active, [i, h]) * at(w2, [c, h])),
    );
    return { pre, active, logits };
  }
}

function sum(count: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
}

function softmaxRows(x: Plain): Plain {
  const width = x.shape[1] as number;
  return build(x.shape, ([i = 0, c = 0]) => Math.exp(at(x, [i, c])) / sum(width, (k) => Math.exp(at(x, [i, k]))));
}

/** How many rows the largest logit puts in their class. */
export function plainHits(logits: Plain, { labels }: Batch): number {
  const width = logits.shape[1] as number;
  return labels.data.filter((label, i) => {
    const row = Array.from({ length: width }, (_, c) => at(logits, [i, c]));
    return row.indexOf(Math.max(...row)) === label;
  }).length;
}

/** The batch of step `i`: eight of each length, in turn. */
export function batch(i: number, rows = 10): Batch {
  return batchOf(rows, (i % 8) + 1);
}

/** The parameters of a net, in the order of PlainNet's weights. */
export function parametersOf({ linear1, linear2 }: SmallNet): Tensor[] {
  return [linear1.weight, linear1.bias, linear2.weight, linear2.bias].filter((parameter) => parameter !== null);
}

/** Compares the weights of a net with those of the plain one. */
export async function assertWeights(what: string, net: SmallNet, { weights }: PlainNet): Promise<void> {
  const { w1, b1, w2, b2 } = weights;
  const parameters = parametersOf(net);
  for (const [i, expected] of [w1, b1, w2, b2].entries()) {
    const actual = parameters[i];
    if (actual === undefined) throw new Error(`${what}: expected 4 parameters, got ${parameters.length}`);
    assertNumbers(`${what}: parameter ${i}`, await numbersOf(actual), expected.data, closeness('cancelling'));
  }
}
