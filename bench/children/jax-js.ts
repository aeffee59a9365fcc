/** jax-js on its WebAssembly device in Node, where it is single-threaded. The package comes from PEERS_DIR; `jax-js-trainer.ts` types it and trains. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { finish, readJob, type Report } from '../job.js';
import type { ElementwiseOp } from '../workloads.js';
import { convnetBatches } from './convnet-inputs.js';
import { normalNumbers, readDigits } from './input-files.js';
import { arrayOf, type Jax, type JaxArray, jaxTrainer } from './jax-js-trainer.js';
import { Digits, fourTimes, squareMatrices } from './shared-inputs.js';
import { jaxConvnets } from './jax-js-convnets.js';
import { timeCalls, timeEpochs, timeSteps } from './timing.js';

const peersDir = process.env['PEERS_DIR'];
if (peersDir === undefined) throw new Error('expected PEERS_DIR, the folder jax-js is installed in');
const jax = createRequire(path.join(peersDir, 'package.json'))('@jax-js/jax') as Jax;
const { numpy, nn } = jax;

const array = (values: Float32Array, shape: readonly number[]): JaxArray => arrayOf(jax, values, shape);

async function matmul(size: number): Promise<Report> {
  const [left, right] = squareMatrices(normalNumbers(job.data), size);
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
    finish(
      await timeEpochs(new Digits(readDigits(job.data), work.trainImages), work, () =>
        jaxTrainer(jax, normalNumbers(job.data), work),
      ),
    );
    break;
  case 'convnet-steps': {
    const normals = normalNumbers(job.data);
    const batch = convnetBatches(work, readDigits(job.data), normals);
    finish(await timeSteps(batch, work, jaxConvnets(jax, normals, work), job.budgetMs));
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
