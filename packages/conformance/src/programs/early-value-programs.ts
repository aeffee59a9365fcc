/**
 * Programs that need a network's result before its `backward()`: handed to another network by `detach()`, or read by the program itself. Nothing of the
 * forward pass may be computed twice for it, and the values must last until `backward()` has used them. Rows of the specification of what recorded means.
 */
import { Linear, Module } from '@torchlet/nn';
import { SGD } from '@torchlet/optim';
import { noGrad, ones, stack, type Tensor } from '@torchlet/tensor';
import { random } from '../op-info/row.js';
import { closeness } from '../op-info/tolerances.js';
import { assertNumbers, assertThrows, numbersOf } from '../suites/assertions.js';
import { assertCost, assertFlat, costOf, type ProgramRow } from './program.js';
import { batch, host, lossOf, SmallNet } from './small-net.js';

const near = closeness('cancelling');

/** Two products each way. */
class Generator extends Module {
  readonly hidden = new Linear(2, 7);
  readonly out = new Linear(7, 6);

  constructor() {
    super();
    noGrad(() => this.hidden.weight.copy_(host(random([7, 2]))));
    noGrad(() => this.out.weight.copy_(host(random([6, 7]))));
    noGrad(() => [this.hidden, this.out].forEach(({ bias }) => void bias?.fill_(0.1)));
  }

  override forward(x: Tensor): Tensor {
    return this.out.forward(this.hidden.forward(x).relu());
  }
}

/** One turn of a generator and a critic, as in PyTorch's tutorial. */
function adversaries(): { readonly turn: (i: number) => void; readonly modules: readonly Module[] } {
  const [generator, critic] = [new Generator(), new SmallNet()];
  const generatorStep = new SGD(generator.parameters(), { lr: 0.1 });
  const criticStep = new SGD(critic.parameters(), { lr: 0.1 });
  const turn = (i: number): void => {
    const fake = generator.forward(host(random([5, 2], undefined, i + 1)));
    critic.forward(fake.detach()).square().mean().backward();
    criticStep.step();
    criticStep.zeroGrad();
    critic.forward(fake).mean().neg().backward();
    generatorStep.step();
    generatorStep.zeroGrad();
    criticStep.zeroGrad();
  };
  return { turn, modules: [generator, critic] };
}

const weightsOf = async (modules: readonly Module[]): Promise<number[][]> =>
  Promise.all(modules.flatMap((module) => module.parameters().map(numbersOf)));

export const earlyValuePrograms: readonly ProgramRow[] = [
  {
    name: "a generator's result in front of its critic, then behind it: the forward pass once, flat",
    run: async (context) => {
      const { turn } = adversaries();
      turn(0);
      turn(1);
      const cost = await costOf(context, () => {
        for (let i = 2; i < 6; i++) turn(i);
      });
      // The generator: 2 forward, 3 backward. The critic for itself: 2 and 3; for the generator: 2 and 2, and 2 for gradients of its own.
      assertCost('4 turns', cost, { programs: 8, compiled: 0, matmuls: 4 * 16 });
      await assertFlat(context, 30, turn);
      return `${cost.programs / 4} programs and ${cost.matmuls / 4} products a turn`;
    },
  },
  {
    name: 'gradients of a critic that its generator added to, dropped before they are used: right; used: refused',
    run: async () => {
      const results: number[][][] = [];
      for (const reads of [true, false]) {
        const [generator, critic] = [new Generator(), new SmallNet()];
        const generatorStep = new SGD(generator.parameters(), { lr: 0.1 });
        const criticStep = new SGD(critic.parameters(), { lr: 0.1 });
        for (let i = 0; i < 3; i++) {
          const fake = generator.forward(host(random([5, 2], undefined, i + 1)));
          criticStep.zeroGrad();
          critic.forward(fake.detach()).square().mean().backward();
          criticStep.step();
          generatorStep.zeroGrad();
          const fooled = critic.forward(fake).tanh().mean().neg();
          if (reads) await fooled.item();
          fooled.backward();
          generatorStep.step();
        }
        await assertThrows(
          'a step with what is left of the gradients',
          () => criticStep.step(),
          /call zeroGrad\(\) before backward\(\)/,
        );
        results.push(await weightsOf([generator, critic]));
      }
      const [read, unread] = results as [number[][], number[][]];
      unread.forEach((values, i) => {
        assertNumbers(`parameter ${i}`, values, read[i] as number[], near);
      });
      return 'equal, and refused';
    },
  },
  {
    name: 'logits read before backward(): the forward pass once',
    run: async (context) => {
      const [read, unread] = [new SmallNet(), new SmallNet()];
      const train = async (net: SmallNet, reads: boolean, steps: readonly number[]): Promise<void> => {
        const optimizer = new SGD(net.parameters(), { lr: 0.5 });
        for (const i of steps) {
          const { loss, logits } = lossOf(net, batch(i));
          if (reads) await logits.data();
          loss.backward();
          optimizer.step();
          optimizer.zeroGrad();
        }
      };
      await train(read, true, [0]);
      const cost = await costOf(context, () => train(read, true, [1, 2, 3]));
      assertCost('3 steps', cost, { programs: 6, compiled: 0, matmuls: 3 * 5 });
      await train(unread, false, [0, 1, 2, 3]);
      const [weights, expected] = [await weightsOf([read]), await weightsOf([unread])];
      weights.forEach((values, i) => {
        assertNumbers(`parameter ${i}`, values, expected[i] as number[], near);
      });
      return `${cost.matmuls / 3} products a step`;
    },
  },
  {
    name: 'several results read one after another, one backward() over all of them: each its own values',
    run: async () => {
      const [read, unread] = [new SmallNet(), new SmallNet()];
      const episode = async (net: SmallNet, reads: boolean, from: number): Promise<void> => {
        const optimizer = new SGD(net.parameters(), { lr: 0.1 });
        const scores: Tensor[] = [];
        for (let i = from; i < from + 6; i++) {
          const { logits } = lossOf(net, batch(i));
          const best = logits.softmax(1).amax(1).log().mean();
          if (reads) await best.item();
          scores.push(best);
        }
        stack(scores)
          .mul(ones([6]).mul(-1))
          .sum()
          .backward();
        optimizer.step();
        optimizer.zeroGrad();
      };
      for (let turn = 0; turn < 3; turn++) {
        await episode(read, true, 6 * turn);
        await episode(unread, false, 6 * turn);
      }
      const [weights, expected] = [await weightsOf([read]), await weightsOf([unread])];
      weights.forEach((values, i) => {
        assertNumbers(`parameter ${i}`, values, expected[i] as number[], near);
      });
      return 'equal';
    },
  },
];
