/**
 * How a peer is measured in a browser: steps of a training, each of which reads its loss, and matrix products, each of which is read back. What a peer does is
 * its own file; what reaches the GPU is counted in `gpu-calls.ts`, which must be loaded before the peer.
 */
import { answer, fetched } from '../../scripts/browser/answering.js';
import { Digits, squareMatrices } from '../children/shared-inputs.js';
import { timeCalls, type Trainer } from '../children/timing.js';
import type { Job, Report } from '../job.js';
import type { Training, TrainingSteps } from '../workloads.js';
import { callsOf } from './gpu-calls.js';

export interface BrowserPeer {
  trainer(normals: Float32Array, work: Training): Trainer;
  /** A product of these two square matrices, to be called again and again: it gives the values of the result. */
  product(left: Float32Array, right: Float32Array, size: number): () => Promise<Float32Array>;
}

/** Steps of which the calls are counted. */
const COUNTED_STEPS = 10;

/** Answers `measure` for the peer that `open` opens. */
export function measured(open: () => Promise<BrowserPeer>): void {
  answer({
    measure: async ({ work, budgetMs }: Job): Promise<Report> => {
      const peer = await open();
      const normals = new Float32Array(await fetched('/data/randn.f32'));
      switch (work.kind) {
        case 'train-steps':
          return steps(peer, work, normals);
        case 'matmul':
          return matmul(peer, work.size, normals, budgetMs);
        case 'train':
        case 'convnet-steps':
        case 'elementwise':
        case 'step-overhead':
          throw new Error(`${work.kind} is not measured in a browser`);
        default:
          return work satisfies never;
      }
    },
  });
}

async function steps(peer: BrowserPeer, work: TrainingSteps, normals: Float32Array): Promise<Report> {
  const [images, labels, order] = await Promise.all(
    ['x.f32', 'y.u8', 'perm.i32'].map((name) => fetched(`/data/${name}`)),
  );
  if (images === undefined || labels === undefined || order === undefined) throw new Error('the digits are missing');
  const { training, warmSteps } = work;
  const files = {
    images: new Float32Array(images),
    labels: new Uint8Array(labels),
    order: new Int32Array(order),
  };
  const digits = new Digits(files, training.trainImages);
  const trainer = peer.trainer(normals, training);
  let loss = Number.NaN;
  let index = 0;
  const step = async (): Promise<void> => {
    trainer.step(digits.batch(0, index++, training.batch));
    loss = await trainer.readLoss();
  };
  while (index < warmSteps) await step();
  const calls = await callsOf(COUNTED_STEPS, async () => {
    for (let i = 0; i < COUNTED_STEPS; i++) await step();
  });
  const samples: number[] = [];
  for (let i = 0; i < work.steps; i++) {
    const start = performance.now();
    await step();
    samples.push(performance.now() - start);
  }
  return { samples, loss, calls };
}

async function matmul(peer: BrowserPeer, size: number, normals: Float32Array, budgetMs: number): Promise<Report> {
  const [left, right] = squareMatrices(normals, size);
  const product = peer.product(left, right, size);
  const samples = await timeCalls(product, budgetMs);
  let check = Number.NaN;
  const calls = await callsOf(1, async () => {
    check = (await product())[size + 2] ?? Number.NaN;
  });
  return { samples, check, calls };
}
