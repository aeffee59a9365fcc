/**
 * Programs that train one network: the plain loop in its forms, accumulation, updates by hand, schedules. Rows of the specification of what recorded
 * means.
 */
import { Linear, Module } from '@torchlet/nn';
import { SGD } from '@torchlet/optim';
import { noGrad, type Tensor } from '@torchlet/tensor';
import { closeness } from '../op-info/tolerances.js';
import { assert, assertNumbers, numbersOf } from '../suites/assertions.js';
import { assertCost, assertFlat, costOf, type ProgramRow } from './program.js';
import { assertWeights, batch, host, labelsOf, lossOf, PlainNet, plainHits, SmallNet } from './small-net.js';

const near = closeness('cancelling');

interface LoopOptions {
  readonly rate?: number;
  readonly read?: 'never' | 'after step' | 'before step';
}

/** A plain loop of `steps`, with the losses where they are read. */
async function plainLoop(
  net: SmallNet,
  steps: number,
  { rate = 0.1, read = 'never' }: LoopOptions = {},
): Promise<number[]> {
  const optimizer = new SGD(net.parameters(), { lr: rate });
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const { loss } = lossOf(net, batch(i));
    loss.backward();
    if (read === 'before step') losses.push(await loss.item());
    optimizer.step();
    optimizer.zeroGrad();
    if (read === 'after step') losses.push(await loss.item());
  }
  return losses;
}

function plainLosses(reference: PlainNet, steps: number, rate = 0.1): number[] {
  return Array.from({ length: steps }, (_, i) => reference.step(batch(i), rate).loss);
}

/** A net whose activations weigh more than its parameters. */
class WideNet extends Module {
  readonly linear = new Linear(6, 1024);

  override forward(x: Tensor): Tensor {
    return this.linear.forward(x).tanh();
  }
}

/** The peak of device bytes of a few steps, each over `count` micro-batches. */
async function peakOfAccumulation(count: number, peak: () => number): Promise<number> {
  const net = new WideNet();
  const optimizer = new SGD(net.parameters(), { lr: 0.1 });
  for (let step = 0; step < 3; step++) {
    for (let i = 0; i < count; i++)
      net
        .forward(host(batch(i).images))
        .square()
        .mean()
        .backward();
    optimizer.step();
    optimizer.zeroGrad();
  }
  await net.linear.weight.data();
  return peak();
}

/** Four micro-batches, then one step with the sum of their gradients. */
async function assertAccumulates(): Promise<void> {
  const net = new SmallNet();
  const reference = new PlainNet();
  const optimizer = new SGD(net.parameters(), { lr: 0.1 });
  const gradients = [];
  for (let i = 0; i < 4; i++) {
    lossOf(net, batch(i)).loss.backward();
    gradients.push(reference.gradients(batch(i)).gradients);
  }
  optimizer.step();
  for (const gradient of gradients) reference.update(gradient, 0.1);
  await assertWeights('after the step', net, reference);
}

export const trainingPrograms: readonly ProgramRow[] = [
  {
    name: 'the plain loop, never reading: one program a step',
    run: async (context) => {
      const net = new SmallNet();
      await plainLoop(net, 1);
      const cost = await costOf(context, () => plainLoop(net, 12));
      assertCost('12 steps', cost, { programs: 12, compiled: 0, buffersCreated: 0 });
      const reference = new PlainNet();
      plainLosses(reference, 1);
      plainLosses(reference, 12);
      await assertWeights('after 13 steps', net, reference);
      return `${cost.kernels / 12} kernels a step`;
    },
  },
  {
    name: 'the first step has the plan of the thousandth',
    run: async (context) => {
      const net = new SmallNet();
      const cost = await costOf(context, () => plainLoop(net, 3));
      assertCost('3 steps', cost, { programs: 3, compiled: 1 });
      return 'one plan from the first step';
    },
  },
  {
    name: 'the plain loop, reading the loss after step(): one program a step',
    run: async (context) => {
      const net = new SmallNet();
      await plainLoop(net, 2, { read: 'after step' });
      let losses: number[] = [];
      const cost = await costOf(context, async () => {
        losses = await plainLoop(net, 6, { read: 'after step' });
      });
      assertCost('6 steps', cost, { programs: 6, compiled: 0, buffersCreated: 0 });
      const reference = new PlainNet();
      plainLosses(reference, 2);
      assertNumbers('losses', losses, plainLosses(reference, 6), near);
      return 'the losses of float64';
    },
  },
  {
    name: 'the plain loop, reading the loss between backward() and step(): two programs a step, one forward pass',
    run: async (context) => {
      const net = new SmallNet();
      const fused = await costOf(context, () => plainLoop(net, 1));
      await plainLoop(net, 2, { read: 'before step' });
      let losses: number[] = [];
      const cost = await costOf(context, async () => {
        losses = await plainLoop(net, 4, { read: 'before step' });
      });
      assertCost('4 steps', cost, { programs: 8, compiled: 0 });
      // The updates are now kernels of their own, at most one for each of 4 parameters; a second forward pass would be more than that.
      const bound = fused.kernels + 4;
      assert(cost.kernels <= 4 * bound, `expected one forward pass in ${bound} kernels, got ${cost.kernels / 4}`);
      const reference = new PlainNet();
      plainLosses(reference, 1);
      plainLosses(reference, 2);
      assertNumbers('losses', losses, plainLosses(reference, 4), near);
      return `${cost.kernels / 4} kernels a step, ${fused.kernels} when nothing is read`;
    },
  },
  {
    name: 'the plain loop is flat in bytes and buffers',
    run: async (context) => {
      const net = new SmallNet();
      const optimizer = new SGD(net.parameters(), { lr: 0.01 });
      await assertFlat(context, 64 * context.scale, async (i) => {
        const { loss } = lossOf(net, batch(i));
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
        if (i % 10 === 0) await loss.item();
      });
      const { allocated, buffers } = context.device.memory();
      return `${allocated} bytes in ${buffers} buffers`;
    },
  },
  {
    name: 'accuracy of the logits after step(): the values that step computed, with its weights',
    run: async () => {
      const net = new SmallNet();
      const reference = new PlainNet();
      const optimizer = new SGD(net.parameters(), { lr: 0.5 });
      for (let i = 0; i < 4; i++) {
        const { logits, loss } = lossOf(net, batch(i));
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
        const hits = logits
          .argmax(1)
          .eq(labelsOf(batch(i)))
          .sum();
        const expected = reference.step(batch(i), 0.5).logits;
        assertNumbers(`hits of step ${i}`, [await hits.item()], [plainHits(expected, batch(i))], closeness('exact'));
        assertNumbers(`logits of step ${i}`, await numbersOf(logits), expected.data, near);
      }
      return 'the logits and hits of float64';
    },
  },
  {
    name: 'accumulation over 8 micro-batches: the gradient of all, the peak memory of one',
    run: async (context) => {
      await assertAccumulates();
      const peaks = [];
      for (const count of [1, 8]) {
        peaks.push(await context.elsewhere((device) => peakOfAccumulation(count, () => device.memory().peak)));
      }
      const [one = 0, eight = 0] = peaks;
      // Gradients of one micro-batch are fused away; of several they are stored, at most as large as the parameters.
      const gradients = 4 * (6 * 1024 + 1024);
      assert(
        eight <= 1.25 * one + 2 * gradients,
        `expected about the peak of one micro-batch, ${one} bytes, got ${eight}`,
      );
      return `${eight} bytes, ${one} for one micro-batch`;
    },
  },
  {
    name: 'SGD by hand: forward, backward and the updates of several weights in one program a turn',
    run: async (context) => {
      const net = new SmallNet();
      const reference = new PlainNet();
      const turn = (i: number): void => {
        const { loss } = lossOf(net, batch(i));
        loss.backward();
        noGrad(() => {
          for (const weight of net.parameters()) {
            if (weight.grad !== null) weight.sub_(weight.grad.mul(0.1));
            weight.grad = null;
          }
        });
      };
      turn(0);
      const cost = await costOf(context, () => {
        for (let i = 1; i < 5; i++) turn(i);
      });
      assertCost('4 turns', cost, { programs: 4, compiled: { atMost: 1 } });
      plainLosses(reference, 5);
      await assertWeights('after 5 turns', net, reference);
      return `${cost.kernels / 4} kernels a turn`;
    },
  },
  {
    name: 'a learning rate that changes every step, and a batch that is shorter once',
    run: async (context) => {
      const net = new SmallNet();
      const reference = new PlainNet();
      const optimizer = new SGD(net.parameters(), { lr: 0.1 });
      const step = (i: number, rows: number): void => {
        for (const group of optimizer.paramGroups) group.lr = 0.1 / (i + 1);
        const { loss } = lossOf(net, batch(i, rows));
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
        reference.step(batch(i, rows), 0.1 / (i + 1));
      };
      step(0, 10);
      const changing = await costOf(context, () => {
        for (let i = 1; i < 6; i++) step(i, 10);
      });
      assertCost('5 rates', changing, { compiled: 0 });
      const ragged = await costOf(context, () => {
        for (let i = 6; i < 9; i++) step(i, 7);
        step(9, 10);
      });
      assertCost('a shorter batch', ragged, { compiled: 1 });
      await assertWeights('after 10 steps', net, reference);
      return 'nothing compiled for a rate, one plan for a length';
    },
  },
];
