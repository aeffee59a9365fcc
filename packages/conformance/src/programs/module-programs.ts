/**
 * Programs about modules, optimisers and scopes: networks that learn from each other, weights that are tied, frozen, averaged or replaced, and loops in
 * which something goes wrong. Rows of the specification of what recorded means.
 */
import { crossEntropy, Linear, Module } from '@torchlet/nn';
import { SGD } from '@torchlet/optim';
import { noGrad, ones, type Tensor } from '@torchlet/tensor';
import { plain } from '../op-info/plain.js';
import { random } from '../op-info/row.js';
import { closeness } from '../op-info/tolerances.js';
import {
  assert,
  assertEqual,
  assertNumbers,
  assertSameNumbers,
  assertThrows,
  numbersOf,
} from '../suites/assertions.js';
import { assertCost, costOf, type ProgramRow } from './program.js';
import { assertWeights, batch, host, labelsOf, lossOf, PlainNet, SmallNet } from './small-net.js';

const near = closeness('cancelling');

async function weightsOf(module: Module): Promise<number[][]> {
  return Promise.all(module.parameters().map(numbersOf));
}

/** Two nets that share a graph. `read` awaits values between the statements; the result must not depend on it. */
async function adversarialTurns(read: boolean): Promise<number[][]> {
  const generator = new Linear(2, 6);
  const critic = new SmallNet();
  noGrad(() => generator.weight.copy_(host(random([6, 2]))));
  noGrad(() => generator.bias?.copy_(ones([6]).mul(0.1)));
  const generatorStep = new SGD(generator.parameters(), { lr: 0.1 });
  const criticStep = new SGD(critic.parameters(), { lr: 0.1 });
  const value = async (x: Tensor): Promise<unknown> => (read ? x.data() : undefined);
  for (let i = 0; i < 4; i++) {
    const fake = generator.forward(host(random([5, 2], undefined, i + 1)));
    const criticLoss = critic.forward(fake.detach()).square().mean();
    await value(criticLoss);
    criticLoss.backward();
    criticStep.step();
    criticStep.zeroGrad();
    const fooled = critic.forward(fake).mean().neg();
    fooled.backward(null, { retainGraph: true });
    await value(fooled);
    generatorStep.step();
    generatorStep.zeroGrad();
    criticStep.zeroGrad();
  }
  return [...(await weightsOf(generator)), ...(await weightsOf(critic))];
}

/** An encoder of a larger model: used through a method of its own name. */
class Coder extends Module {
  readonly into = new Linear(6, 4);
  readonly out = new Linear(4, 6);

  encode(x: Tensor): { code: Tensor; parts: readonly Tensor[] } {
    const code = this.into.forward(x).tanh();
    return { code, parts: [code.narrow(1, 0, 2), code.narrow(1, 2, 2)] };
  }

  override forward(x: Tensor): Tensor {
    return this.out.forward(this.encode(x).code);
  }
}

export const modulePrograms: readonly ProgramRow[] = [
  {
    name: 'two networks and two optimisers over a shared graph: the same with and without reading between',
    run: async () => {
      const read = await adversarialTurns(true);
      const unread = await adversarialTurns(false);
      for (const [i, weights] of unread.entries()) assertNumbers(`parameter ${i}`, weights, read[i] as number[], near);
      return 'equal';
    },
  },
  {
    name: 'one loss, two optimisers',
    run: async (context) => {
      const net = new SmallNet();
      const reference = new PlainNet();
      const first = new SGD(net.linear1.parameters(), { lr: 0.1 });
      const second = new SGD(net.linear2.parameters(), { lr: 0.1 });
      const step = (i: number): void => {
        lossOf(net, batch(i)).loss.backward();
        first.step();
        second.step();
        first.zeroGrad();
        second.zeroGrad();
        reference.step(batch(i), 0.1);
      };
      step(0);
      const cost = await costOf(context, () => {
        for (let i = 1; i < 5; i++) step(i);
      });
      assertCost('4 steps', cost, { programs: { atMost: 8 }, compiled: 0 });
      await assertWeights('after 5 steps', net, reference);
      return `${cost.programs / 4} programs a step`;
    },
  },
  {
    name: 'clipping by the global norm, the norm read before step(): one forward and backward',
    run: async (context) => {
      const net = new SmallNet();
      const reference = new PlainNet();
      const optimizer = new SGD(net.parameters(), { lr: 0.5 });
      const limit = 0.2;
      const step = async (i: number): Promise<void> => {
        lossOf(net, batch(i)).loss.backward();
        const gradients = net.parameters().map(({ grad }) => grad as Tensor);
        const norm = gradients
          .map((grad) => grad.square().sum())
          .reduce((sum, part) => sum.add(part))
          .sqrt();
        const scale = norm.reciprocal().mul(limit).clamp(null, 1);
        noGrad(() => gradients.forEach((grad) => void grad.mul_(scale)));
        const seen = await norm.item();
        optimizer.step();
        optimizer.zeroGrad();
        const { gradients: exact } = reference.gradients(batch(i));
        const parts = Object.values(exact).flatMap(({ data }) => data);
        const exactNorm = Math.hypot(...parts);
        assertNumbers(`norm of step ${i}`, [seen], [exactNorm], near);
        reference.update(exact, 0.5 * Math.min(1, limit / exactNorm));
      };
      await step(0);
      const cost = await costOf(context, async () => {
        for (let i = 1; i < 4; i++) await step(i);
      });
      assertCost('3 steps', cost, { programs: { atMost: 9 }, compiled: 0 });
      await assertWeights('after 4 steps', net, reference);
      return `${cost.programs / 3} programs a step`;
    },
  },
  {
    name: 'a running average of weights beside the training',
    run: async (context) => {
      const net = new SmallNet();
      const reference = new PlainNet();
      const average = net.linear2.weight.detach().clone();
      let expected = [...reference.weights.w2.data];
      const optimizer = new SGD(net.parameters(), { lr: 0.5 });
      const step = (i: number): void => {
        lossOf(net, batch(i)).loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
        noGrad(() => average.lerp_(net.linear2.weight, 0.1));
        reference.step(batch(i), 0.5);
        expected = expected.map((value, j) => value + 0.1 * ((reference.weights.w2.data[j] as number) - value));
      };
      step(0);
      step(1);
      const cost = await costOf(context, () => {
        for (let i = 2; i < 8; i++) step(i);
      });
      assertCost('6 steps', cost, { compiled: { atMost: 1 } });
      assertNumbers('the average', await numbersOf(average), expected, near);
      return `${cost.programs / 6} programs a step`;
    },
  },
  {
    name: 'tied weights: one gradient, the sum of both uses',
    run: async () => {
      const weight = host(plain([2, 2], [1, 2, 3, 4])).requiresGrad_();
      const x = host(plain([1, 2], [1, -1]));
      x.matmul(weight).matmul(weight).sum().backward();
      // d/dW of sum(x W W) = x^T (W 1)^T + (x W)^T 1^T.
      assertNumbers('gradient', await numbersOf(weight.grad as Tensor), [3 - 2, 7 - 2, -3 - 2, -7 - 2], near);
      return 'both uses count';
    },
  },
  {
    name: 'freezing half-way: the frozen part stays, the rest learns, at most one new plan',
    run: async (context) => {
      const net = new SmallNet();
      const reference = new PlainNet();
      const optimizer = new SGD(net.parameters(), { lr: 0.5 });
      const step = (i: number): void => {
        lossOf(net, batch(i)).loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
      };
      for (let i = 0; i < 2; i++) step(i);
      for (let i = 0; i < 2; i++) reference.step(batch(i), 0.5);
      net.linear1.requiresGrad_(false);
      const cost = await costOf(context, () => {
        for (let i = 2; i < 6; i++) step(i);
      });
      for (let i = 2; i < 6; i++) {
        const { w1, b1 } = reference.weights;
        reference.step(batch(i), 0.5);
        reference.weights = { ...reference.weights, w1, b1 };
      }
      assertCost('4 steps', cost, { programs: 4, compiled: { atMost: 1 } });
      await assertWeights('after 6 steps', net, reference);
      return `${cost.compiled} new plan`;
    },
  },
  {
    name: 'a new parameter group, and a state dict loaded half-way: at most one new plan each',
    run: async (context) => {
      const net = new SmallNet();
      const optimizer = new SGD(net.linear1.parameters(), { lr: 0.1 });
      const step = (i: number): void => {
        lossOf(net, batch(i)).loss.backward();
        optimizer.step();
        net.zeroGrad();
      };
      for (let i = 0; i < 2; i++) step(i);
      optimizer.addParamGroup({ params: net.linear2.parameters(), lr: 0.1 });
      const grouped = await costOf(context, () => {
        for (let i = 2; i < 5; i++) step(i);
      });
      assertCost('after the new group', grouped, { compiled: { atMost: 1 } });
      net.loadStateDict(new SmallNet(9).stateDict());
      const loaded = await costOf(context, () => {
        for (let i = 0; i < 3; i++) step(i);
      });
      assertCost('after loading', loaded, { compiled: { atMost: 1 } });
      const reference = new PlainNet(9);
      for (let i = 0; i < 3; i++) reference.step(batch(i), 0.1);
      await assertWeights('three steps after loading', net, reference);
      return `${grouped.compiled} and ${loaded.compiled} new plans`;
    },
  },
  {
    name: 'a method beside forward, a layer alone, nested results: right, and as fused as in forward',
    run: async (context) => {
      const coder = new Coder();
      const x = host(random([3, 6]));
      const alone = await costOf(context, async () => {
        const { code, parts } = coder.encode(x);
        const [left, right] = parts as [Tensor, Tensor];
        const values = await numbersOf(code);
        assertSameNumbers(
          'left',
          await numbersOf(left),
          values.filter((_, i) => i % 4 < 2),
        );
        assertSameNumbers(
          'right',
          await numbersOf(right),
          values.filter((_, i) => i % 4 >= 2),
        );
      });
      const whole = await costOf(context, async () => void (await coder.forward(x).data()));
      // The product with its bias and tanh is one kernel, wherever it is written; each part is a copy.
      assert(alone.kernels <= whole.kernels + 2, `expected ${whole.kernels + 2} kernels at most, got ${alone.kernels}`);
      return `${alone.kernels} kernels, ${whole.kernels} in forward`;
    },
  },
  {
    name: 'an exception between forward and step(): nothing pending leaks, training goes on',
    run: async () => {
      const net = new SmallNet();
      const reference = new PlainNet();
      const optimizer = new SGD(net.parameters(), { lr: 0.5 });
      for (let i = 0; i < 6; i++) {
        try {
          const { logits, loss } = lossOf(net, batch(i));
          if (i % 2 === 1) logits.matmul(ones([7, 7]));
          loss.backward();
          optimizer.step();
          optimizer.zeroGrad();
          reference.step(batch(i), 0.5);
        } catch (error) {
          assert(
            error instanceof Error && /matmul/.test(error.message),
            `expected matmul's error, got ${String(error)}`,
          );
        }
      }
      await assertWeights('after 3 good steps of 6', net, reference);
      return 'three steps of six';
    },
  },
  {
    name: 'an async function in a scope is refused, and the mode does not leak',
    run: async () => {
      const x = ones([2]).requiresGrad_();
      await assertThrows('noGrad', () => noGrad(async () => x.mul(2)), /noGrad.*synchronous/);
      assertEqual('requiresGrad afterwards', x.mul(2).requiresGrad, true);
      await assertThrows('a throwing scope', () => noGrad(() => x.matmul(ones([3, 3]))), /matmul/);
      assertEqual('requiresGrad after an error', x.mul(2).requiresGrad, true);
      return 'refused, with the pattern';
    },
  },
  {
    name: 'looking at predictions while training: neither disturbs the other',
    run: async () => {
      const net = new SmallNet();
      const reference = new PlainNet();
      const optimizer = new SGD(net.parameters(), { lr: 0.5 });
      for (let i = 0; i < 4; i++) {
        const { loss } = lossOf(net, batch(i));
        const shown = noGrad(() => net.forward(host(batch(7).images)));
        const expected = reference.logits(batch(7));
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
        assertNumbers(`predictions of step ${i}`, await numbersOf(shown), expected.data, near);
        reference.step(batch(i), 0.5);
      }
      await assertWeights('after 4 steps', net, reference);
      return 'predictions and weights of float64';
    },
  },
  {
    name: 'large logits: one such buffer and its gradient',
    run: async ({ device }) => {
      const [rows, width, vocabulary] = [256, 8, 16_384];
      const head = new Linear(width, vocabulary, { bias: false });
      const optimizer = new SGD(head.parameters(), { lr: 0.1 });
      const hidden = host(random([rows, width]));
      const tokens = labelsOf({
        images: plain([0], []),
        labels: plain(
          [rows],
          Array.from({ length: rows }, (_, i) => i),
        ),
      });
      const losses = [];
      for (let i = 0; i < 3; i++) {
        const loss = crossEntropy(head.forward(hidden), tokens);
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
        losses.push(await loss.item());
      }
      assert((losses[2] as number) < (losses[0] as number), `expected the loss to fall, got ${losses.join(', ')}`);
      const logits = 4 * rows * vocabulary;
      const { peak } = device.memory();
      // The logits are kept for the caller; their gradient, and the weight's, are the rest.
      assert(peak <= 2.5 * logits, `expected a peak of at most 2.5 times ${logits} bytes, got ${peak}`);
      return `a peak of ${(peak / logits).toFixed(2)} times the logits`;
    },
  },
];
