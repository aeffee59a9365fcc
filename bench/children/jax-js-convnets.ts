/**
 * The convolutional networks in jax-js, a training step under one `jit` as its idiom asks. It has no layers, so norms are `standardize` with a scale and a shift,
 * without running statistics, and max pooling is the maximum over a reshape.
 */
import type { ConvnetSteps } from '../workloads.js';
import { WeightDraws } from './convnet-inputs.js';
import { arrayOf, type Jax, type JaxArray } from './jax-js-trainer.js';
import { oneHot } from './shared-inputs.js';
import type { SteppedTrainer } from './timing.js';

interface Network<P> {
  parameters(): P;
  forward(parameters: P, images: JaxArray): JaxArray;
}

const KERNEL = [3, 3] as const;
const SAME = [
  [1, 1],
  [1, 1],
] as const;

/** What both networks are made of. */
function partsOf(jax: Jax, normals: Float32Array) {
  const { numpy, lax } = jax;
  return {
    draws(): (...shape: [number, ...number[]]) => JaxArray {
      const draws = new WeightDraws(normals);
      return (...shape) => arrayOf(jax, draws.weight(shape), shape);
    },
    perChannel: (fill: (shape: readonly number[]) => JaxArray, count: number): JaxArray => fill([1, count, 1, 1]),
    conv: (x: JaxArray, weight: JaxArray): JaxArray => lax.conv(x, weight, [1, 1], SAME),
    linear: (x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray =>
      numpy.matmul(x, weight.transpose([1, 0])).add(bias),
  };
}

function mnistCnn(jax: Jax, normals: Float32Array, batch: number) {
  const { numpy, nn } = jax;
  const { draws, perChannel, conv, linear } = partsOf(jax, normals);
  const pool = (x: JaxArray, count: number, side: number): JaxArray =>
    numpy.max(x.reshape([batch, count, side, 2, side, 2]), [3, 5]);
  const parameters = () => {
    const weight = draws();
    return {
      conv1: weight(16, 1, ...KERNEL),
      bias1: perChannel(numpy.zeros, 16),
      conv2: weight(32, 16, ...KERNEL),
      bias2: perChannel(numpy.zeros, 32),
      out: weight(10, 1568),
      outBias: numpy.zeros([10]),
    };
  };
  return {
    parameters,
    forward({ conv1, bias1, conv2, bias2, out, outBias }: ReturnType<typeof parameters>, images: JaxArray): JaxArray {
      const early = pool(nn.relu(conv(images, conv1).add(bias1)), 16, 14);
      const late = pool(nn.relu(conv(early, conv2).add(bias2)), 32, 7);
      return linear(late.reshape([batch, 1568]), out, outBias);
    },
  };
}

function residual(jax: Jax, normals: Float32Array) {
  const { numpy, nn } = jax;
  const { draws, perChannel, conv, linear } = partsOf(jax, normals);
  const parameters = () => {
    const weight = draws();
    const layer = (inputs: number) => ({
      weight: weight(32, inputs, ...KERNEL),
      scale: perChannel(numpy.ones, 32),
      shift: perChannel(numpy.zeros, 32),
    });
    return { first: layer(3), second: layer(32), third: layer(32), out: weight(10, 32), outBias: numpy.zeros([10]) };
  };
  type Parameters = ReturnType<typeof parameters>;
  const normed = (x: JaxArray, { weight, scale, shift }: Parameters['first']): JaxArray =>
    nn.standardize(conv(x, weight), [0, 2, 3]).mul(scale).add(shift);
  return {
    parameters,
    forward({ first, second, third, out, outBias }: Parameters, images: JaxArray): JaxArray {
      const x = nn.relu(normed(images, first));
      const inner = nn.relu(normed(x.ref, second));
      const joined = nn.relu(normed(inner, third).add(x));
      return linear(numpy.mean(joined, [2, 3]), out, outBias);
    },
  };
}

/** Makes trainers that share one compiled step: its first call takes half a minute. */
export function jaxConvnets(jax: Jax, normals: Float32Array, work: ConvnetSteps): () => SteppedTrainer {
  switch (work.network) {
    case 'mnist-cnn':
      return trainersOf(jax, mnistCnn(jax, normals, work.batch), work);
    case 'residual':
      return trainersOf(jax, residual(jax, normals), work);
    default:
      return work.network satisfies never;
  }
}

function trainersOf<P>(jax: Jax, network: Network<P>, work: ConvnetSteps): () => SteppedTrainer {
  const { nn, tree } = jax;
  const lossOf = (parameters: P, images: JaxArray, labels: JaxArray): JaxArray =>
    nn
      .logSoftmax(network.forward(parameters, images), -1)
      .mul(labels)
      .sum()
      .mul(-1 / work.batch);
  const update = jax.jit((parameters: P, directions: P, images: JaxArray, labels: JaxArray): [JaxArray, P, P] => {
    const [value, gradients] = jax.valueAndGrad(lossOf)(tree.ref(parameters), images, labels);
    const next = tree.map((direction, gradient) => direction.mul(work.momentum).add(gradient), directions, gradients);
    const moved = tree.map(
      (parameter, direction) => parameter.sub(direction.mul(work.learningRate)),
      parameters,
      tree.ref(next),
    );
    return [value, moved, next];
  });
  return () => {
    let parameters = network.parameters();
    let directions = tree.map((parameter) => parameter.mul(0), tree.ref(parameters));
    let loss: JaxArray | undefined;
    return {
      step({ images, labels }) {
        loss?.dispose();
        [loss, parameters, directions] = update(
          parameters,
          directions,
          arrayOf(jax, images, [work.batch, ...work.image]),
          arrayOf(jax, oneHot(labels), [work.batch, 10]),
        );
      },
      async readLoss() {
        await jax.blockUntilReady([loss, parameters, directions]);
        return (await loss?.ref.data())?.[0] ?? Number.NaN;
      },
    };
  };
}
