/**
 * TensorFlow.js on its WebAssembly backend. The packages come from PEERS_DIR, so only what is called here is typed. It is
 * single-threaded in Node, and needs dispose and tidy to stay flat, which is how its users write.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { finish, readJob, type Report } from '../job.js';
import type { ElementwiseOp, Work } from '../workloads.js';
import {
  accuracyOf,
  fourTimes,
  initialWeights,
  normalNumbers,
  oneHot,
  squareMatrices,
  type Batch,
} from './shared-inputs.js';
import { timeCalls, timeEpochs, type Trainer } from './timing.js';

interface TfTensor {
  dataSync(): Float32Array;
  dispose(): void;
}
type Binary = (left: TfTensor | number, right: TfTensor | number) => TfTensor;
interface Tf {
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
  moments(x: TfTensor, axis: number, keepDims: boolean): { mean: TfTensor; variance: TfTensor };
  losses: { softmaxCrossEntropy(labels: TfTensor, logits: TfTensor): TfTensor };
  train: { sgd(learningRate: number): { minimize(loss: () => TfTensor, returnCost: true): TfTensor } };
}

const peersDir = process.env['PEERS_DIR'];
if (peersDir === undefined) throw new Error('expected PEERS_DIR, the folder TensorFlow.js is installed in');
const load = createRequire(path.join(peersDir, 'package.json'));
const tf = load('@tensorflow/tfjs-core') as Tf;
// Registers the gradients, which the core alone lacks.
load('@tensorflow/tfjs-layers');
const wasm = load('@tensorflow/tfjs-backend-wasm') as { setWasmPaths(folder: string): void };

/** Multiples of the batch size, so that the held-out images need no shape of their own. */
const PREDICTED_AT_ONCE = 100;

function trainer(work: Extract<Work, { kind: 'train' }>): Trainer {
  const layers = initialWeights(job.data, work.widths).map(({ inputs, outputs, weight }) => ({
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

async function matmul(size: number): Promise<Report> {
  const [left, right] = squareMatrices(job.data, size);
  const a = tf.tensor(left, [size, size]);
  const b = tf.tensor(right, [size, size]);
  const samples = await timeCalls(() => tf.matMul(a, b).dispose(), job.budgetMs);
  return { samples, check: tf.matMul(a, b).dataSync()[size + 2] ?? Number.NaN };
}

const ops: Record<ElementwiseOp, (x: TfTensor) => TfTensor> = {
  gelu: (x) =>
    tf.mul(
      tf.mul(x, 0.5),
      tf.add(1, tf.tanh(tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, tf.mul(x, tf.mul(x, x))))))),
    ),
  softmax: (x) => tf.softmax(x),
  'layer-norm': (x) => {
    const { mean, variance } = tf.moments(x, -1, true);
    return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), scale), shift);
  },
  sum: (x) => tf.sum(x),
};

async function elementwise(op: ElementwiseOp): Promise<Report> {
  const values = normalNumbers(job.data);
  const x = op === 'sum' ? tf.tensor(fourTimes(values)) : tf.tensor(values, [4096, 1024]);
  if (op === 'sum') {
    const samples = await timeCalls(() => tf.tidy(() => tf.sum(x).dataSync()), job.budgetMs);
    return { samples, check: tf.sum(x).dataSync()[0] ?? Number.NaN };
  }
  const samples = await timeCalls(() => tf.tidy(() => ops[op](x)).dispose(), job.budgetMs);
  return { samples, check: ops[op](x).dataSync()[5] ?? Number.NaN };
}

const job = readJob();
tf.env().set('PROD', true);
wasm.setWasmPaths(
  `${path.join(path.dirname(load.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist')}${path.sep}`,
);
if (!(await tf.setBackend('wasm'))) throw new Error('the WebAssembly backend of TensorFlow.js did not start');
await tf.ready();
const scale = tf.ones([1024]);
const shift = tf.zeros([1024]);

const { work } = job;
switch (work.kind) {
  case 'train':
    finish(await timeEpochs(job, work, () => trainer(work)));
    break;
  case 'matmul':
    finish(await matmul(work.size));
    break;
  case 'elementwise':
    finish(await elementwise(work.op));
    break;
  case 'step-overhead':
    throw new Error('step-overhead is measured for Torchlet alone');
  default:
    work satisfies never;
}
