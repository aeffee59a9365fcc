/** TensorFlow.js on its WebAssembly backend in Node, where it is single-threaded. The packages come from PEERS_DIR; `tfjs-trainer.ts` types them and trains. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { finish, readJob, type Report } from '../job.js';
import type { ElementwiseOp } from '../workloads.js';
import { convnetBatches } from './convnet-inputs.js';
import { normalNumbers, readDigits } from './input-files.js';
import { Digits, fourTimes, squareMatrices } from './shared-inputs.js';
import { type Tf, type TfTensor, tfTrainer } from './tfjs-trainer.js';
import { tfConvnet } from './tfjs-convnets.js';
import { timeCalls, timeEpochs, timeSteps } from './timing.js';

const peersDir = process.env['PEERS_DIR'];
if (peersDir === undefined) throw new Error('expected PEERS_DIR, the folder TensorFlow.js is installed in');
const load = createRequire(path.join(peersDir, 'package.json'));
const tf = load('@tensorflow/tfjs-core') as Tf;
// Registers the gradients, which the core alone lacks.
load('@tensorflow/tfjs-layers');
const wasm = load('@tensorflow/tfjs-backend-wasm') as { setWasmPaths(folder: string): void };

async function matmul(size: number): Promise<Report> {
  const [left, right] = squareMatrices(normalNumbers(job.data), size);
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
    finish(
      await timeEpochs(new Digits(readDigits(job.data), work.trainImages), work, () =>
        tfTrainer(tf, normalNumbers(job.data), work),
      ),
    );
    break;
  case 'convnet-steps': {
    const normals = normalNumbers(job.data);
    const batch = convnetBatches(work, readDigits(job.data), normals);
    finish(await timeSteps(batch, work, () => tfConvnet(tf, normals, work), job.budgetMs));
    break;
  }
  case 'matmul':
    finish(await matmul(work.size));
    break;
  case 'elementwise':
    finish(await elementwise(work.op));
    break;
  case 'step-overhead':
    throw new Error('step-overhead is measured for Torchlet alone');
  case 'train-steps':
    throw new Error('train-steps is measured in a browser');
  default:
    work satisfies never;
}
