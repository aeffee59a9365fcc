/**
 * The convolutional networks in TensorFlow.js, channels last as it has them; norms without running statistics. Its WebAssembly backend has no gradient of a
 * convolution's filter in 4.22 and says so at the first step.
 */
import type { ConvnetName, ConvnetSteps } from '../workloads.js';
import { WeightDraws } from './convnet-inputs.js';
import { oneHot } from './shared-inputs.js';
import type { Tf, TfTensor } from './tfjs-trainer.js';
import type { SteppedTrainer } from './timing.js';

const KERNEL = [3, 3] as const;

function networkOf(tf: Tf, name: ConvnetName, normals: Float32Array): (images: TfTensor) => TfTensor {
  const draws = new WeightDraws(normals);
  const filter = (outputs: number, inputs: number): TfTensor => {
    const shape = [outputs, inputs, ...KERNEL] as const;
    return tf.variable(tf.tidy(() => tf.transpose(tf.tensor(draws.weight(shape), shape), [2, 3, 1, 0])));
  };
  const zeros = (count: number): TfTensor => tf.variable(tf.zeros([count]));
  switch (name) {
    case 'mnist-cnn': {
      const [conv1, bias1, conv2, bias2] = [filter(16, 1), zeros(16), filter(32, 16), zeros(32)];
      // Its rows are places, then channels.
      const out = tf.variable(
        tf.tidy(() =>
          tf.reshape(tf.transpose(tf.tensor(draws.weight([10, 32 * 49]), [10, 32, 49]), [2, 1, 0]), [32 * 49, 10]),
        ),
      );
      const outBias = zeros(10);
      const pool = (x: TfTensor): TfTensor => tf.maxPool(tf.relu(x), 2, 2, 'valid');
      return (images) => {
        const early = pool(tf.add(tf.conv2d(images, conv1, 1, 'same'), bias1));
        const late = pool(tf.add(tf.conv2d(early, conv2, 1, 'same'), bias2));
        return tf.add(tf.matMul(tf.reshape(late, [-1, 32 * 49]), out), outBias);
      };
    }
    case 'residual': {
      const layer = (inputs: number): ((x: TfTensor) => TfTensor) => {
        const [weight, scale, shift] = [filter(32, inputs), tf.variable(tf.ones([32])), zeros(32)];
        return (x) => {
          const y = tf.conv2d(x, weight, 1, 'same');
          const { mean, variance } = tf.moments(y, [0, 1, 2], false);
          return tf.batchNorm(y, mean, variance, shift, scale, 1e-5);
        };
      };
      const [first, second, third] = [layer(3), layer(32), layer(32)];
      const out = tf.variable(tf.tidy(() => tf.transpose(tf.tensor(draws.weight([10, 32]), [10, 32]), [1, 0])));
      const outBias = zeros(10);
      return (images) => {
        const x = tf.relu(first(images));
        const joined = tf.relu(tf.add(third(tf.relu(second(x))), x));
        return tf.add(tf.matMul(tf.mean(joined, [1, 2]), out), outBias);
      };
    }
    default:
      return name satisfies never;
  }
}

export function tfConvnet(tf: Tf, normals: Float32Array, work: ConvnetSteps): SteppedTrainer {
  const [channels, height, width] = work.image;
  const forward = networkOf(tf, work.network, normals);
  const optimizer = tf.train.momentum(work.learningRate, work.momentum);
  let loss: TfTensor | undefined;
  return {
    step({ images, labels }) {
      loss?.dispose();
      const x = tf.tidy(() => tf.transpose(tf.tensor(images, [work.batch, channels, height, width]), [0, 2, 3, 1]));
      const y = tf.tensor(oneHot(labels), [work.batch, 10]);
      loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, forward(x)), true);
      x.dispose();
      y.dispose();
    },
    readLoss: async () => (await loss?.data())?.[0] ?? Number.NaN,
  };
}
