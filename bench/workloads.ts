/**
 * What is measured: one row per workload, its cases, the peers that can do it, and the job that a peer's process is given.
 * It knows nothing of how a peer does the work (`children/`) or how it is started (`peers.ts`). Read `main.ts` next.
 */

export const peerNames = ['torchlet', 'pytorch', 'tfjs', 'jax-js'] as const;
export type PeerName = (typeof peerNames)[number];

/** A training of linear layers with ReLU between them. */
export interface Training {
  readonly kind: 'train';
  /** Widths of the layers, input first. */
  readonly widths: readonly number[];
  readonly learningRate: number;
  readonly batch: number;
  readonly trainImages: number;
  readonly epochs: number;
  /** The first epochs of the measured training, which are run and not timed. */
  readonly warmEpochs: number;
}

/** Steps of a training, the loss of each being read. */
export interface TrainingSteps {
  readonly kind: 'train-steps';
  readonly training: Training;
  /** Run first, and not timed. */
  readonly warmSteps: number;
  readonly steps: number;
}

/** Steps of a small convolutional network by SGD with momentum, the loss of each being read. */
export interface ConvnetSteps {
  readonly kind: 'convnet-steps';
  readonly network: ConvnetName;
  /** [channels, height, width]. */
  readonly image: readonly [number, number, number];
  readonly batch: number;
  readonly learningRate: number;
  readonly momentum: number;
  /** The first steps from the shared weights, which are run and not timed. */
  readonly warmSteps: number;
  /** Steps from the shared weights after which losses are compared. */
  readonly comparedSteps: number;
}

export type ConvnetName = 'mnist-cnn' | 'residual';

/** What a step costs on the host: recorded each time, or as a compiled function. */
export interface StepOverhead {
  readonly kind: 'step-overhead';
  readonly widths: readonly number[];
  readonly batch: number;
  readonly compiled: boolean;
}

/** What one process is asked to do; the same for every peer, so that all of them do the same work. */
export type Work =
  | Training
  | TrainingSteps
  | ConvnetSteps
  | { readonly kind: 'matmul'; readonly size: number }
  | { readonly kind: 'elementwise'; readonly op: ElementwiseOp }
  | StepOverhead;

export type ElementwiseOp = 'gelu' | 'softmax' | 'layer-norm' | 'sum';

export interface Case {
  /** Absent where a workload has one case alone. */
  readonly name?: string;
  readonly work: Work;
  /** What one run moves or computes, in units of 1e9, so that a rate can be printed beside the time. */
  readonly rate?: { readonly giga: number; readonly unit: 'GFLOP/s' | 'GB/s' };
  /** How far `check`, a value of the result, may differ between peers, relative to its size. */
  readonly checkTolerance?: number;
  readonly trainingTolerance?: TrainingTolerance;
}

export interface Workload {
  readonly title: string;
  /** In headless Chromium, every peer on WebGPU; in Node unless told. */
  readonly chromium?: true;
  readonly peers: readonly PeerName[];
  readonly cases: readonly Case[];
}

const allPeers: readonly PeerName[] = peerNames;

/** How far the last loss and the accuracy on the 2,000 held-out images may differ between peers. */
export interface TrainingTolerance {
  readonly loss: number;
  readonly accuracy: number;
}

const FLOAT_BYTES = 4;
const ROWS = 4096 * 1024;

function training(...widths: readonly number[]): Training {
  return { kind: 'train', widths, learningRate: 0.5, batch: 100, trainImages: 8000, epochs: 9, warmEpochs: 2 };
}

function convnet<N extends ConvnetName>(name: N, image: ConvnetSteps['image'], learningRate: number) {
  const steps = { batch: 32, learningRate, momentum: 0.9, warmSteps: 2, comparedSteps: 10 };
  return {
    name,
    work: { kind: 'convnet-steps', network: name, image, ...steps },
    // The order of summation makes 3e-5 at most; a first convolution that is not trained moves the loss by 4e-3.
    trainingTolerance: { loss: 1e-4, accuracy: 0 },
  } as const satisfies Case;
}

function stepOverhead(name: string, compiled: boolean): Case {
  return { name, work: { kind: 'step-overhead', widths: [784, 32, 10], batch: 100, compiled } };
}

function matmul(size: number): Case {
  return {
    name: `${size}`,
    work: { kind: 'matmul', size },
    rate: { giga: (2 * size ** 3) / 1e9, unit: 'GFLOP/s' },
    checkTolerance: 1e-3,
  };
}

function elementwise(op: ElementwiseOp, elementsMoved: number, checkTolerance: number): Case {
  return {
    name: op,
    work: { kind: 'elementwise', op },
    rate: { giga: (elementsMoved * FLOAT_BYTES) / 1e9, unit: 'GB/s' },
    checkTolerance,
  };
}

export const workloads = {
  'mnist-mlp': {
    title: 'ms per epoch of 8,000 images, 784-32-10, batch 100',
    peers: allPeers,
    // Single precision in another order of summation: the last of four digits, and two images.
    cases: [{ work: training(784, 32, 10), trainingTolerance: { loss: 5e-4, accuracy: 0.001 } }],
  },
  'mnist-mlp-big': {
    title: 'ms per epoch of 8,000 images, 784-512-256-10, batch 100',
    peers: allPeers,
    // After 720 steps it knows the training images by heart, and the order of summation decides the rest: PyTorch itself
    // ends at 0.0094 or 0.0081 with two kernels of its BLAS, from 0.0152 an epoch before.
    cases: [{ work: training(784, 512, 256, 10), trainingTolerance: { loss: 4e-3, accuracy: 0.006 } }],
  },
  cnn: {
    title: 'ms per training step of a small convolutional network, batch 32, its loss read',
    peers: allPeers,
    cases: [convnet('mnist-cnn', [1, 28, 28], 0.02), convnet('residual', [3, 32, 32], 0.1)],
  },
  matmul: {
    title: 'ms per product of two square float32 matrices',
    peers: allPeers,
    cases: [matmul(256), matmul(512), matmul(1024), matmul(2048)],
  },
  elementwise: {
    title: 'ms: GELU of 4 M values, softmax rows and layer norm of [4096, 1024], sum of 16 M values',
    peers: allPeers,
    cases: [
      elementwise('gelu', 2 * ROWS, 1e-3),
      elementwise('softmax', 2 * ROWS, 1e-3),
      elementwise('layer-norm', 2 * ROWS, 1e-3),
      // Peers add 16 M terms of both signs one after another in single precision.
      elementwise('sum', 4 * ROWS, 5e-2),
    ],
  },
  'step-overhead': {
    title: 'ms on the host for one MNIST step, kernels not run: recorded and planned, or run again by compile()',
    peers: ['torchlet'],
    cases: [stepOverhead('recorded', false), stepOverhead('compiled', true)],
  },
  webgpu: {
    title:
      'ms in Chromium: a step of 784-32-10, batch 100, and its loss read; a product of float32 matrices, read back',
    chromium: true,
    peers: ['torchlet', 'tfjs', 'jax-js'],
    cases: [
      {
        name: 'mlp step',
        work: { kind: 'train-steps', training: training(784, 32, 10), warmSteps: 20, steps: 40 },
        trainingTolerance: { loss: 1e-3, accuracy: 0 },
      },
      matmul(512),
      matmul(1024),
    ],
  },
} as const satisfies Record<string, Workload>;

export type WorkloadName = keyof typeof workloads;
