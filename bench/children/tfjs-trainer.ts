/**
 * The MLP in TensorFlow.js, with dispose and tidy to stay flat, as its users write: what trains it in Node and in a browser. Only what is called here is
 * typed, because the packages come from PEERS_DIR.
 */
import type { Training } from '../workloads.js';
import { accuracyOf, type Batch, initialWeights, oneHot } from './shared-inputs.js';
import type { Trainer } from './timing.js';

export interface TfTensor {
  data(): Promise<Float32Array>;
  dataSync(): Float32Array;
  dispose(): void;
}
type Binary = (left: TfTensor | number, right: TfTensor | number) => TfTensor;
export interface Tf {
  env(): { set(flag: string, value: boolean): void };
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tidy<T>(run: () => T): T;
  tensor(values: Float32Array, shape?: readonly number[]): TfTensor;
  variable(initial: TfTensor): TfTensor;
  zeros(shape: readonly number[]): TfTensor;
  ones(shape: readonly number[]): TfTensor;
  add: Binary;
  sub: Binary;
  mul: Binary;
  matMul: Binary;
  relu(x: TfTensor): TfTensor;
  tanh(x: TfTensor): TfTensor;
  rsqrt(x: TfTensor): TfTensor;
  softmax(x: TfTensor): TfTensor;
  sum(x: TfTensor): TfTensor;
  mean(x: TfTensor, axes: readonly number[]): TfTensor;
  moments(x: TfTensor, axes: number | readonly number[], keepDims: boolean): { mean: TfTensor; variance: TfTensor };
  reshape(x: TfTensor, shape: readonly number[]): TfTensor;
  transpose(x: TfTensor, axes: readonly number[]): TfTensor;
  conv2d(x: TfTensor, filter: TfTensor, stride: number, padding: 'same'): TfTensor;
  maxPool(x: TfTensor, size: number, stride: number, padding: 'valid'): TfTensor;
  batchNorm(
    x: TfTensor,
    mean: TfTensor,
    variance: TfTensor,
    offset: TfTensor,
    scale: TfTensor,
    epsilon: number,
  ): TfTensor;
  losses: { softmaxCrossEntropy(labels: TfTensor, logits: TfTensor): TfTensor };
  train: { sgd(learningRate: number): TfOptimizer; momentum(learningRate: number, momentum: number): TfOptimizer };
}
interface TfOptimizer {
  minimize(loss: () => TfTensor, returnCost: true): TfTensor;
}

/** Multiples of the batch size, so that the held-out images need no shape of their own. */
const PREDICTED_AT_ONCE = 100;

export function tfTrainer(tf: Tf, normals: Float32Array, work: Training): Trainer {
  const layers = initialWeights(normals, work.widths).map(({ inputs, outputs, weight }) => ({
    weight: tf.variable(tf.tensor(weight, [inputs, outputs])),
    bias: tf.variable(tf.zeros([outputs])),
  }));
  const forward = (images: TfTensor): TfTensor =>
    layers.reduce((hidden, { weight, bias }, index) => {
      const sum = tf.add(tf.matMul(hidden, weight), bias);
      return index < layers.length - 1 ? tf.relu(sum) : sum;
    }, images);
  const optimizer = tf.train.sgd(work.learningRate);
  let loss: TfTensor | undefined;
  return {
    step({ images, labels }) {
      loss?.dispose();
      const x = tf.tensor(images, [work.batch, 784]);
      const y = tf.tensor(oneHot(labels), [work.batch, 10]);
      loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, forward(x)), true);
      x.dispose();
      y.dispose();
    },
    lastLoss: async () => loss?.dataSync()[0] ?? Number.NaN,
    readLoss: async () => (await loss?.data())?.[0] ?? Number.NaN,
    accuracy: async ({ images, labels }: Batch) => {
      const scores = new Float32Array(labels.length * 10);
      for (let row = 0; row < labels.length; row += PREDICTED_AT_ONCE) {
        const rows = images.slice(row * 784, (row + PREDICTED_AT_ONCE) * 784);
        scores.set(
          tf.tidy(() => forward(tf.tensor(rows, [PREDICTED_AT_ONCE, 784])).dataSync()),
          row * 10,
        );
      }
      return accuracyOf(scores, labels);
    },
  };
}
