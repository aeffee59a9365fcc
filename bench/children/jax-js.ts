/**
 * jax-js on its WebAssembly device, everything under `jit` as its idiom asks. The package comes from PEERS_DIR, so only
 * what is called here is typed. Arrays are consumed by use, and `.ref` keeps one. It is single-threaded in Node.
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

interface JaxArray {
  readonly ref: JaxArray;
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  sum(): JaxArray;
  data(): Promise<Float32Array>;
  blockUntilReady(): Promise<unknown>;
  dispose(): void;
}
interface Layer {
  readonly weight: JaxArray;
  readonly bias: JaxArray;
}
interface Jax {
  init(device: string): Promise<unknown>;
  defaultDevice(device: string): void;
  blockUntilReady(tree: unknown): Promise<unknown>;
  jit<A extends unknown[], R>(run: (...inputs: A) => R): (...inputs: A) => R;
  valueAndGrad<A extends unknown[]>(run: (...inputs: A) => JaxArray): (...inputs: A) => [JaxArray, A[0]];
  tree: { ref<T>(tree: T): T; map<T>(run: (...leaves: JaxArray[]) => JaxArray, ...trees: T[]): T };
  numpy: {
    float32: unknown;
    array(values: Float32Array, options: { shape: readonly number[]; dtype: unknown }): JaxArray;
    zeros(shape: readonly number[]): JaxArray;
    matmul(left: JaxArray, right: JaxArray): JaxArray;
    tanh(x: JaxArray): JaxArray;
  };
  nn: {
    relu(x: JaxArray): JaxArray;
    logSoftmax(x: JaxArray, axis: number): JaxArray;
    softmax(x: JaxArray, axis: number): JaxArray;
    standardize(x: JaxArray, axis: number): JaxArray;
  };
}

const peersDir = process.env['PEERS_DIR'];
if (peersDir === undefined) throw new Error('expected PEERS_DIR, the folder jax-js is installed in');
const jax = createRequire(path.join(peersDir, 'package.json'))('@jax-js/jax') as Jax;
const { numpy, nn, tree } = jax;

const array = (values: Float32Array, shape: readonly number[]): JaxArray =>
  numpy.array(values, { shape, dtype: numpy.float32 });

function trainer(work: Extract<Work, { kind: 'train' }>): Trainer {
  let layers: Layer[] = initialWeights(job.data, work.widths).map(({ inputs, outputs, weight }) => ({
    weight: array(weight, [inputs, outputs]),
    bias: numpy.zeros([outputs]),
  }));
  const forward = (parameters: Layer[], images: JaxArray): JaxArray =>
    parameters.reduce((hidden, { weight, bias }, index) => {
      const sum = numpy.matmul(hidden, weight).add(bias);
      return index < parameters.length - 1 ? nn.relu(sum) : sum;
    }, images);
  const lossOf = (parameters: Layer[], images: JaxArray, labels: JaxArray): JaxArray =>
    nn
      .logSoftmax(forward(parameters, images), -1)
      .mul(labels)
      .sum()
      .mul(-1 / work.batch);
  const update = jax.jit((parameters: Layer[], images: JaxArray, labels: JaxArray): [JaxArray, Layer[]] => {
    const [value, gradients] = jax.valueAndGrad(lossOf)(tree.ref(parameters), images, labels);
    const step = (parameter: JaxArray, gradient: JaxArray) => parameter.sub(gradient.mul(work.learningRate));
    return [value, tree.map(step as (...leaves: JaxArray[]) => JaxArray, parameters, gradients)];
  });
  const infer = jax.jit(forward);
  let loss: JaxArray | undefined;
  return {
    step({ images, labels }) {
      loss?.dispose();
      [loss, layers] = update(layers, array(images, [work.batch, 784]), array(oneHot(labels), [work.batch, 10]));
    },
    async lastLoss() {
      await jax.blockUntilReady([loss, layers]);
      return (await loss?.ref.data())?.[0] ?? Number.NaN;
    },
    accuracy: async ({ images, labels }: Batch) =>
      accuracyOf(await infer(tree.ref(layers), array(images, [labels.length, 784])).data(), labels),
  };
}

async function matmul(size: number): Promise<Report> {
  const [left, right] = squareMatrices(job.data, size);
  const a = array(left, [size, size]);
  const b = array(right, [size, size]);
  const product = jax.jit((x: JaxArray, y: JaxArray) => numpy.matmul(x, y));
  const samples = await timeCalls(async () => {
    const result = product(a.ref, b.ref);
    await result.blockUntilReady();
    result.dispose();
  }, job.budgetMs);
  return { samples, check: (await product(a, b).data())[size + 2] ?? Number.NaN };
}

const ops: Record<ElementwiseOp, (x: JaxArray) => JaxArray> = {
  gelu: (x) =>
    x.ref.mul(0.5).mul(numpy.tanh(x.ref.add(x.ref.mul(x.ref).mul(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI))).add(1)),
  softmax: (x) => nn.softmax(x, -1),
  'layer-norm': (x) => nn.standardize(x, -1),
  sum: (x) => x.sum(),
};

async function elementwise(op: ElementwiseOp): Promise<Report> {
  const values = normalNumbers(job.data);
  const x = op === 'sum' ? array(fourTimes(values), [4 * values.length]) : array(values, [4096, 1024]);
  const compiled = jax.jit(ops[op]);
  const samples = await timeCalls(async () => {
    const result = compiled(x.ref);
    await result.blockUntilReady();
    result.dispose();
  }, job.budgetMs);
  return { samples, check: (await compiled(x).data())[op === 'sum' ? 0 : 5] ?? Number.NaN };
}

const job = readJob();
await jax.init('wasm');
jax.defaultDevice('wasm');

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
