/**
 * The MLP in jax-js, everything under `jit` as its idiom asks: what trains it in Node and in a browser. Only what is called here is typed, because the package
 * comes from PEERS_DIR. Arrays are consumed by use, and `.ref` keeps one.
 */
import type { Training } from '../workloads.js';
import { accuracyOf, type Batch, initialWeights, oneHot } from './shared-inputs.js';
import type { Trainer } from './timing.js';

export interface JaxArray {
  readonly ref: JaxArray;
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  sum(): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  transpose(axes: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
  blockUntilReady(): Promise<unknown>;
  dispose(): void;
}
interface Layer {
  readonly weight: JaxArray;
  readonly bias: JaxArray;
}
export interface Jax {
  init(device: string): Promise<unknown>;
  defaultDevice(device: string): void;
  blockUntilReady(tree: unknown): Promise<unknown>;
  jit<A extends unknown[], R>(run: (...inputs: A) => R): (...inputs: A) => R;
  valueAndGrad<A extends unknown[]>(run: (...inputs: A) => JaxArray): (...inputs: A) => [JaxArray, A[0]];
  tree: {
    ref<T>(tree: T): T;
    map<T>(run: (leaf: JaxArray) => JaxArray, tree: T): T;
    map<T>(run: (left: JaxArray, right: JaxArray) => JaxArray, left: T, right: T): T;
  };
  numpy: {
    float32: unknown;
    array(values: Float32Array, options: { shape: readonly number[]; dtype: unknown }): JaxArray;
    zeros(shape: readonly number[]): JaxArray;
    ones(shape: readonly number[]): JaxArray;
    max(x: JaxArray, axes: readonly number[]): JaxArray;
    mean(x: JaxArray, axes: readonly number[]): JaxArray;
    matmul(left: JaxArray, right: JaxArray): JaxArray;
    tanh(x: JaxArray): JaxArray;
  };
  nn: {
    relu(x: JaxArray): JaxArray;
    logSoftmax(x: JaxArray, axis: number): JaxArray;
    softmax(x: JaxArray, axis: number): JaxArray;
    standardize(x: JaxArray, axis: number | readonly number[]): JaxArray;
  };
  lax: {
    conv(
      x: JaxArray,
      weight: JaxArray,
      strides: readonly number[],
      padding: readonly (readonly [number, number])[],
    ): JaxArray;
  };
}

export function arrayOf({ numpy }: Jax, values: Float32Array, shape: readonly number[]): JaxArray {
  return numpy.array(values, { shape, dtype: numpy.float32 });
}

export function jaxTrainer(jax: Jax, normals: Float32Array, work: Training): Trainer {
  const { numpy, nn, tree } = jax;
  const array = (values: Float32Array, shape: readonly number[]): JaxArray => arrayOf(jax, values, shape);
  let layers: Layer[] = initialWeights(normals, work.widths).map(({ inputs, outputs, weight }) => ({
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
    return [value, tree.map(step, parameters, gradients)];
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
    readLoss: async () => (await loss?.ref.data())?.[0] ?? Number.NaN,
    accuracy: async ({ images, labels }: Batch) =>
      accuracyOf(await infer(tree.ref(layers), array(images, [labels.length, 784])).data(), labels),
  };
}
