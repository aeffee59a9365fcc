/**
 * Torchlet on its CPU device in Node; `torchlet-trainer.ts` trains. A result that is timed by itself is evaluated, not read, and disposed of, as PyTorch frees
 * a temporary.
 */
import { countingDevice } from '@torchlet/conformance';
import type { Device } from '@torchlet/device';
import { cpu } from '@torchlet/device-cpu';
import { crossEntropy } from '@torchlet/nn';
import { SGD } from '@torchlet/optim';
import { compile, evaluate, fromHost, gelu, setDefaultDevice, type Tensor, tensor } from '@torchlet/tensor';
import { finish, type Report, readJob } from '../job.js';
import type { ElementwiseOp, StepOverhead } from '../workloads.js';
import { convnetBatches } from './convnet-inputs.js';
import { normalNumbers, readDigits } from './input-files.js';
import { Digits, fourTimes, squareMatrices } from './shared-inputs.js';
import { torchletConvnet } from './torchlet-convnets.js';
import { timeCalls, timeEpochs, timeSteps } from './timing.js';
import { modelOf, tensorsOf, torchletTrainer } from './torchlet-trainer.js';

/** Evaluates, and gives the memory back as PyTorch does when a temporary goes out of scope. */
async function evaluated(result: Tensor): Promise<void> {
  await evaluate(result);
  result.dispose();
}

async function matmul(size: number): Promise<Report> {
  const [a, b] = squareMatrices(normalNumbers(job.data), size).map((values) =>
    fromHost(values, [size, size], 'float32'),
  ) as [Tensor, Tensor];
  await evaluate(a, b);
  const samples = await timeCalls(() => evaluated(a.matmul(b)), job.budgetMs);
  return { samples, check: await a.matmul(b).at(1, 2).item() };
}

const ops: Record<ElementwiseOp, (x: Tensor) => Tensor> = {
  gelu: (x) => gelu(x, { approximate: 'tanh' }),
  softmax: (x) => x.softmax(-1),
  'layer-norm': (x) => {
    const mean = x.mean(-1, { keepdim: true });
    const variance = x.var(-1, { correction: 0, keepdim: true });
    return x.sub(mean).mul(variance.add(1e-5).rsqrt()).mul(scale).add(shift);
  },
  sum: (x) => x.sum(),
};

async function elementwise(op: ElementwiseOp): Promise<Report> {
  const values = normalNumbers(job.data);
  const x =
    op === 'sum'
      ? fromHost(fourTimes(values), [4 * values.length], 'float32')
      : fromHost(values, [4096, 1024], 'float32');
  await evaluate(x, scale, shift);
  const samples = await timeCalls(() => evaluated(ops[op](x)), job.budgetMs);
  const result = ops[op](x);
  return { samples, check: await (op === 'sum' ? result : result.at(0, 5)).item() };
}

/** `device` with everything but the running of programs: what remains is the host's own work. */
function withoutKernels(device: Device): Device {
  return { ...countingDevice(device).device, run: () => ({ done: null }) };
}

const STEPS_PER_SAMPLE = 100;

async function stepOverhead(work: StepOverhead): Promise<Report> {
  const model = modelOf(normalNumbers(job.data), work.widths);
  const optimizer = new SGD(model.parameters(), { lr: 0.5 });
  const batch = new Digits(readDigits(job.data), 8000).batch(0, 0, work.batch);
  const recorded = (images: Tensor, labels: Tensor): Tensor => {
    const loss = crossEntropy(model.forward(images), labels);
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    return loss;
  };
  const run = work.compiled ? compile(recorded) : recorded;
  const samples = await timeCalls(() => {
    for (let step = 0; step < STEPS_PER_SAMPLE; step++) run(...tensorsOf(batch));
  }, job.budgetMs);
  return { samples: samples.map((milliseconds) => milliseconds / STEPS_PER_SAMPLE) };
}

const job = readJob();
const device = await cpu({ threads: job.threads, fma: job.fma });
setDefaultDevice(job.work.kind === 'step-overhead' ? withoutKernels(device) : device);
const scale = tensor(new Float32Array(1024).fill(1));
const shift = tensor(new Float32Array(1024));

const { work } = job;
switch (work.kind) {
  case 'train':
    finish(
      await timeEpochs(new Digits(readDigits(job.data), work.trainImages), work, () =>
        torchletTrainer(normalNumbers(job.data), work),
      ),
    );
    break;
  case 'convnet-steps': {
    const normals = normalNumbers(job.data);
    const batch = convnetBatches(work, readDigits(job.data), normals);
    finish(await timeSteps(batch, work, () => torchletConvnet(normals, work), job.budgetMs));
    break;
  }
  case 'matmul':
    finish(await matmul(work.size));
    break;
  case 'elementwise':
    finish(await elementwise(work.op));
    break;
  case 'step-overhead':
    finish(await stepOverhead(work));
    break;
  case 'train-steps':
    throw new Error('train-steps is measured in a browser');
  default:
    work satisfies never;
}
