/**
 * `compile(fn)` beside the same function as it stands: what each loop sees must be the same to the bit, whatever changes between the calls. How often the
 * function is still called tells whether it was recorded anew where it must be, and only there.
 */
import type { Device } from '@torchlet/device';
import { cpu } from '@torchlet/device-cpu';
import { BatchNorm1d, crossEntropy, Dropout, Linear, Module, mseLoss, ReLU, Sequential } from '@torchlet/nn';
import { AdamW, SGD, StepLR, clipGradNorm_ } from '@torchlet/optim';
import {
  autocast,
  compile,
  deviceStats,
  manualSeed,
  noGrad,
  randn,
  StaleValueError,
  setDefaultDevice,
  type Tensor,
  tensor,
} from '@torchlet/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cudaStandin } from '../../packages/device-cuda/standin/open.js';
import { noStandin, onStandin } from '../standin.js';

type Function_ = (...inputs: Tensor[]) => Tensor | readonly Tensor[] | undefined;
/** `compile`, or nothing. */
type Wrap = <F extends Function_>(fn: F) => F;

interface Scenario {
  readonly name: string;
  /** How often the compiled function is called in all. */
  readonly calls: number;
  readonly run: (wrap: Wrap, device: Device) => Promise<number[]>;
}

const batch = (i: number, rows = 8): [Tensor, Tensor] => [
  tensor(
    Float32Array.from({ length: rows * 6 }, (_, k) => Math.sin(i * 31 + k)),
    { shape: [rows, 6] },
  ),
  tensor(
    Int32Array.from({ length: rows }, (_, k) => (i + k) % 3),
    { shape: [rows] },
  ),
];

class Net extends Module {
  readonly hidden = new Linear(6, 5);
  readonly out = new Linear(5, 3);
  slope = 0;

  override forward(x: Tensor): Tensor {
    const hidden = this.hidden.forward(x);
    return this.out.forward(hidden.relu().add(hidden.mul(this.slope)));
  }
}

const valuesOf = async (model: Module): Promise<number[]> => {
  const all: number[] = [];
  for (const [, parameter] of model.namedParameters()) all.push(...Array.from(await parameter.data(), Number));
  return all;
};

/** A value that is gone counts as one, so that both sides must tell so. */
const gone = (error: unknown): number => {
  if (error instanceof StaleValueError) return -1;
  throw error;
};

/** A step of a network with an optimiser, wrapped. */
function trainer(wrap: Wrap, { lr = 0.05 } = {}) {
  manualSeed(3);
  const model = new Net();
  const optimizer = new AdamW(model.parameters(), { lr });
  const step = wrap((x: Tensor, y: Tensor) => {
    const loss = crossEntropy(model.forward(x), y);
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    return loss;
  });
  return { model, optimizer, step };
}

const scenarios: readonly Scenario[] = [
  {
    name: 'a step, its losses read at the end',
    calls: 2,
    async run(wrap) {
      const { model, step } = trainer(wrap);
      const losses = Array.from({ length: 12 }, (_, i) => step(...batch(i)));
      return [...(await Promise.all(losses.map((loss) => loss.item()))), ...(await valuesOf(model))];
    },
  },
  {
    name: 'a learning rate that changes',
    calls: 4,
    async run(wrap) {
      const { model, optimizer, step } = trainer(wrap);
      const losses: number[] = [];
      for (let i = 0; i < 12; i++) {
        if (i === 6) for (const group of optimizer.paramGroups) group.lr = 0.01;
        losses.push(await step(...batch(i)).item());
      }
      return [...losses, ...(await valuesOf(model))];
    },
  },
  {
    name: 'a schedule in the function',
    calls: 9,
    async run(wrap) {
      manualSeed(3);
      const model = new Net();
      const optimizer = new SGD(model.parameters(), { lr: 0.1 });
      const schedule = new StepLR(optimizer, { stepSize: 4, gamma: 0.5 });
      const step = wrap((x: Tensor, y: Tensor) => {
        const loss = crossEntropy(model.forward(x), y);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        schedule.step();
        return loss;
      });
      for (let i = 0; i < 9; i++) step(...batch(i));
      return valuesOf(model);
    },
  },
  {
    name: 'batches of another length',
    calls: 4,
    async run(wrap) {
      const { model, step } = trainer(wrap);
      for (let i = 0; i < 12; i++) step(...batch(i, i % 4 === 3 ? 5 : 8));
      return valuesOf(model);
    },
  },
  {
    name: 'weights that are changed, loaded and frozen between',
    // Once more where AdamW gives the frozen parameter a step count of its own.
    calls: 5,
    async run(wrap) {
      const { model, optimizer, step } = trainer(wrap);
      const losses: number[] = [];
      const start = Object.fromEntries(
        await Promise.all(
          Object.entries(model.stateDict()).map(async ([name, value]) => {
            const copy = tensor(Float32Array.from(await value.data(), Number), { shape: value.shape });
            return [name, copy] as const;
          }),
        ),
      );
      for (let i = 0; i < 15; i++) {
        if (i === 5) noGrad(() => model.hidden.weight.mul_(0.5));
        if (i === 8) model.loadStateDict(start);
        if (i === 11) model.hidden.weight.requiresGrad_(false);
        losses.push(await step(...batch(i)).item());
      }
      expect(optimizer.paramGroups).toHaveLength(1);
      return [...losses, ...(await valuesOf(model))];
    },
  },
  {
    name: 'a field of a module that changes',
    calls: 4,
    async run(wrap) {
      const { model, step } = trainer(wrap);
      const losses: number[] = [];
      for (let i = 0; i < 12; i++) {
        if (i === 6) model.slope = 0.25;
        losses.push(await step(...batch(i)).item());
      }
      return losses;
    },
  },
  {
    name: 'statistics, and a module that stops training',
    calls: 4,
    async run(wrap) {
      manualSeed(1);
      const model = new Sequential(new Linear(6, 4), new BatchNorm1d(4), new ReLU(), new Linear(4, 3));
      const forward = wrap((x: Tensor) => noGrad(() => model.forward(x)));
      const seen: number[] = [];
      for (let i = 0; i < 12; i++) {
        if (i === 6) model.eval();
        const [x] = batch(i);
        seen.push(await forward(x).sum().item());
      }
      for (const value of Object.values(model.stateDict())) seen.push(...Array.from(await value.data(), Number));
      return seen;
    },
  },
  {
    name: 'random numbers',
    calls: 8,
    async run(wrap) {
      manualSeed(5);
      const model = new Sequential(new Linear(6, 16), new Dropout(0.5), new Linear(16, 3));
      const forward = wrap((x: Tensor) => noGrad(() => model.forward(x)));
      const seen: number[] = [];
      for (let i = 0; i < 8; i++) seen.push(await forward(batch(0)[0]).sum().item());
      expect(new Set(seen).size).toBe(8);
      return seen;
    },
  },
  {
    name: 'validation by the same model between',
    calls: 2,
    async run(wrap) {
      const { model, step } = trainer(wrap);
      const seen: number[] = [];
      for (let i = 0; i < 12; i++) {
        const loss = step(...batch(i));
        const scores = noGrad(() => model.forward(batch(100)[0]));
        if (i % 3 === 0) seen.push(await loss.item());
        seen.push(await scores.sum().item());
      }
      return seen;
    },
  },
  {
    name: 'gradients that are clipped, the norm returned',
    calls: 2,
    async run(wrap) {
      manualSeed(3);
      const model = new Net();
      const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
      const step = wrap((x: Tensor, y: Tensor) => {
        const loss = crossEntropy(model.forward(x), y);
        optimizer.zeroGrad();
        loss.backward();
        const norm = clipGradNorm_(model.parameters(), 0.5);
        optimizer.step();
        return [loss, norm];
      });
      const seen: number[] = [];
      for (let i = 0; i < 10; i++) {
        const [loss, norm] = step(...batch(i)) as [Tensor, Tensor];
        seen.push(await loss.item(), await norm.item());
      }
      return [...seen, ...(await valuesOf(model))];
    },
  },
  {
    name: 'gradients left behind, and accumulated outside',
    calls: 6,
    async run(wrap) {
      manualSeed(3);
      const model = new Net();
      const optimizer = new SGD(model.parameters(), { lr: 0.1 });
      const backward = wrap((x: Tensor, y: Tensor) => {
        const loss = crossEntropy(model.forward(x), y);
        loss.backward();
        return loss;
      });
      for (let i = 0; i < 6; i++) {
        backward(...batch(i));
        if (i % 2 === 0) continue;
        optimizer.step();
        optimizer.zeroGrad();
      }
      return valuesOf(model);
    },
  },
  {
    name: 'two that share a model, each with its optimiser',
    calls: 4,
    async run(wrap) {
      manualSeed(3);
      const model = new Net();
      const [first, second] = [
        new SGD(model.hidden.parameters(), { lr: 0.1 }),
        new AdamW(model.out.parameters(), { lr: 0.01 }),
      ];
      const stepOf = (optimizer: SGD | AdamW) =>
        wrap((x: Tensor, y: Tensor) => {
          const loss = crossEntropy(model.forward(x), y);
          model.zeroGrad();
          loss.backward();
          optimizer.step();
          model.zeroGrad();
          return loss;
        });
      const [a, b] = [stepOf(first), stepOf(second)];
      const seen: number[] = [];
      for (let i = 0; i < 8; i++) seen.push(await a(...batch(i)).item(), await b(...batch(i + 1)).item());
      return [...seen, ...(await valuesOf(model))];
    },
  },
  {
    name: 'state that is carried by its results',
    calls: 2,
    async run(wrap) {
      const turn = wrap((state: Tensor, x: Tensor) => state.mul(0.5).add(x.sum()));
      let state = tensor([1, 2, 3], { dtype: 'float32' }).add(0);
      const kept: Tensor[] = [];
      for (let i = 0; i < 9; i++) {
        state = turn(state, batch(i)[0]);
        await state.data();
        kept.push(state);
      }
      return (await Promise.all(kept.map(async (value) => Array.from(await value.data(), Number)))).flat();
    },
  },
  {
    name: 'something pending outside, and a graph that waits',
    // The waiting graph is computed by the program of the step, which is therefore another one.
    calls: 6,
    async run(wrap) {
      const { model, step } = trainer(wrap);
      const seen: number[] = [];
      for (let i = 0; i < 10; i++) {
        const before = i === 6 ? model.forward(batch(50)[0]) : null;
        const plain = randn([4], { dtype: 'float32' }).mul(0).add(i);
        step(...batch(i));
        if (before !== null) seen.push(await before.sum().item().catch(gone));
        seen.push(await plain.sum().item());
      }
      return [...seen, ...(await valuesOf(model))];
    },
  },
  {
    name: 'autocast and scopes around it',
    calls: 4,
    async run(wrap, device) {
      const { model } = trainer(wrap);
      const forward = wrap((x: Tensor) => model.forward(x).sum());
      const seen: number[] = [];
      for (let i = 0; i < 6; i++) {
        seen.push(await noGrad(() => forward(batch(i)[0])).item());
        seen.push(await autocast(device, 'bfloat16', () => noGrad(() => forward(batch(i)[0]))).item());
      }
      return seen;
    },
  },
  {
    name: 'data that the function makes',
    calls: 2,
    async run(wrap) {
      const shift = wrap((x: Tensor) => x.add(tensor([1, 2, 3, 4, 5, 6], { dtype: 'float32' })).sum());
      const seen: number[] = [];
      for (let i = 0; i < 6; i++) seen.push(await shift(batch(i)[0]).item());
      return seen;
    },
  },
  {
    name: 'data that it makes, and that changes',
    calls: 6,
    async run(wrap) {
      let at = 0;
      const shift = wrap((x: Tensor) => x.add(tensor([at++], { dtype: 'float32' })).sum());
      const seen: number[] = [];
      for (let i = 0; i < 6; i++) seen.push(await shift(batch(i)[0]).item());
      return seen;
    },
  },
];

function compiledBesidePlain(open: () => Promise<Device>): void {
  let device: Device;
  beforeAll(async () => {
    device = await open();
    setDefaultDevice(device);
  });
  afterAll(() => device.dispose());

  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    { timeout: 60_000 },
    async (_, { run, calls }) => {
      const plain = await run((fn) => fn, device);
      let called = 0;
      const counted: Wrap = (fn) =>
        compile((...inputs: Tensor[]) => {
          called++;
          return fn(...inputs);
        }) as typeof fn;
      const compiled = await run(counted, device);
      expect(compiled).toEqual(plain);
      expect(called).toBe(calls);
    },
  );

  it('runs one program a call and compiles nothing, and memory is flat', async () => {
    const { step } = trainer(compile as Wrap);
    const turn = async (i: number) => step(...batch(i)).item();
    for (let i = 0; i < 8; i++) await turn(i);
    const [before, memory] = [deviceStats(device), device.memory()];
    for (let i = 0; i < 200; i++) await turn(i);
    const after = deviceStats(device);
    expect(after.programsRun - before.programsRun).toBe(200);
    expect(after.programsCompiled).toBe(before.programsCompiled);
    expect(device.memory().buffers).toBeLessThanOrEqual(memory.buffers + 1);
  });

  it('an older graph of the same weights does not see the new ones', async () => {
    const { model, step } = trainer(compile as Wrap);
    for (let i = 0; i < 5; i++) step(...batch(i));
    const old = mseLoss(model.forward(batch(9)[0]), tensor(new Float32Array(24), { shape: [8, 3] }));
    step(...batch(5));
    const value = await old.item().catch((error: unknown) => error);
    expect(typeof value === 'number' || value instanceof StaleValueError).toBe(true);
  });
}

describe('compiled, on the CPU', () => {
  compiledBesidePlain(() => cpu());

  it('refuses what is no tensor, and promises', () => {
    const double = compile((x: Tensor) => x.mul(2));
    expect(() => double(3 as unknown as Tensor)).toThrow('compile: expected tensors as arguments, got number');
    expect(() => compile((() => 3) as unknown as () => Tensor)()).toThrow(
      'expected the function to return tensors, got number',
    );
    expect(() => compile((async () => undefined) as unknown as () => undefined)()).toThrow(
      /compile: expected a synchronous function/,
    );
  });
});

describe.skipIf(noStandin !== null)(onStandin('compiled'), () => compiledBesidePlain(() => cudaStandin()));
