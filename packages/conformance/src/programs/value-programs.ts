/**
 * Programs about values that outlive their step: losses kept for later, snapshots, stale results, slices that move, long chains. Rows of the
 * specification of what recorded means.
 */
import { clipGradNorm_, SGD } from '@torchlet/optim';
import { arange, noGrad, ones, StaleValueError, stack, type Tensor, tensor } from '@torchlet/tensor';
import { plain } from '../op-info/plain.js';
import { random } from '../op-info/row.js';
import { closeness } from '../op-info/tolerances.js';
import { assert, assertEqual, assertNumbers, numbersOf } from '../suites/assertions.js';
import { assertCost, assertFlat, costOf, type ProgramRow } from './program.js';
import { batch, host, labelsOf, lossOf, PlainNet, plainHits, SmallNet } from './small-net.js';

const near = closeness('cancelling');

/** One step of training, for programs that are about something else. */
function trained(net: SmallNet, optimizer: SGD, i: number): { logits: Tensor; loss: Tensor } {
  const { logits, loss } = lossOf(net, batch(i));
  loss.backward();
  optimizer.step();
  optimizer.zeroGrad();
  return { logits, loss };
}

export const valuePrograms: readonly ProgramRow[] = [
  {
    name: 'losses pushed into an array and averaged at the end: right, four bytes each',
    run: async ({ device, scale }) => {
      const net = new SmallNet();
      const reference = new PlainNet();
      // Slower where the loop is longer, so that float32 stays as near to float64 as in the short one.
      const lr = 0.01 / scale;
      const optimizer = new SGD(net.parameters(), { lr });
      const steps = 1000 * scale;
      const losses: Tensor[] = [];
      trained(net, optimizer, 0);
      reference.step(batch(0), lr);
      await net.linear1.weight.data();
      const { allocated } = device.memory();
      const expected = [];
      for (let i = 0; i < steps; i++) {
        losses.push(trained(net, optimizer, i).loss);
        expected.push(reference.step(batch(i), lr).loss);
      }
      await losses.at(-1)?.item();
      // Pages of small values are 64 KiB, and one may be begun.
      const grown = device.memory().allocated - allocated;
      assert(grown <= 3 * 65536 + 16 * steps, `expected four bytes a loss, got ${grown} bytes for ${steps}`);
      const mean = await stack(losses).mean().item();
      const plainMean = expected.reduce((sum, loss) => sum + loss, 0) / steps;
      assertNumbers('the mean', [mean], [plainMean], near);
      const values = await Promise.all(losses.map((loss) => loss.item()));
      assertNumbers('each', values, expected, near);
      return `${grown} bytes for ${steps} losses`;
    },
  },
  {
    name: 'parts of a loss, and the norm of clipping, read steps later: the values of their step',
    run: async (context) => {
      const nets = [new SmallNet(), new SmallNet()] as const;
      const loop = async ([net, reads]: readonly [SmallNet, boolean]): Promise<Tensor[] | number[]> => {
        const optimizer = new SGD(net.parameters(), { lr: 0.3 });
        const seen: (Tensor | number)[] = [];
        for (let i = 0; i < 5; i++) {
          const fit = lossOf(net, batch(i)).loss;
          const penalty = net.linear1.weight.square().sum().mul(0.01);
          fit.add(penalty).backward();
          const norm = clipGradNorm_(net.parameters(), 0.5);
          for (const part of [fit, penalty, norm]) seen.push(reads ? await part.item() : part);
          optimizer.step();
          optimizer.zeroGrad();
        }
        return seen as Tensor[] | number[];
      };
      const expected = (await loop([nets[0], true])) as number[];
      let later: Tensor[] = [];
      const cost = await costOf(context, async () => {
        later = (await loop([nets[1], false])) as Tensor[];
      });
      assertCost('5 steps', cost, { programs: 5 });
      const values = await Promise.all(later.map((part) => part.item()));
      assertNumbers('parts and norms', values, expected, near);
      return `${cost.kernels / 5} kernels a step`;
    },
  },
  {
    name: 'traj.push(p.detach().clone()) after each step: snapshots, right for ever',
    run: async () => {
      const net = new SmallNet();
      const reference = new PlainNet();
      const optimizer = new SGD(net.parameters(), { lr: 0.5 });
      const trajectory: Tensor[] = [];
      const expected: number[][] = [];
      for (let i = 0; i < 6; i++) {
        trained(net, optimizer, i);
        trajectory.push(net.linear2.weight.detach().clone());
        reference.step(batch(i), 0.5);
        expected.push([...reference.weights.w2.data]);
      }
      for (const [i, snapshot] of trajectory.entries()) {
        assertNumbers(`after step ${i}`, await numbersOf(snapshot), expected[i] as number[], near);
      }
      return '6 snapshots';
    },
  },
  {
    name: 'logits of two steps ago: their own values or a named error, never other values',
    run: async () => {
      const net = new SmallNet();
      const reference = new PlainNet();
      const optimizer = new SGD(net.parameters(), { lr: 0.5 });
      const { logits: old } = trained(net, optimizer, 0);
      const expected = reference.logits(batch(0));
      for (let i = 1; i < 3; i++) await trained(net, optimizer, i).loss.item();
      try {
        assertNumbers('the old logits', await numbersOf(old), expected.data, near);
        return 'still right';
      } catch (error) {
        assert(error instanceof StaleValueError, `expected the old values or a StaleValueError, got ${String(error)}`);
        assert(/keep\(\)|clone\(\)/.test(error.message), `expected advice, got: ${error.message}`);
        return 'refused, by name';
      }
    },
  },
  {
    name: 'kept logits stay readable, whatever is computed next',
    run: async () => {
      const net = new SmallNet();
      const optimizer = new SGD(net.parameters(), { lr: 0.5 });
      const { logits } = trained(net, optimizer, 0);
      const kept = logits.keep();
      for (let i = 1; i < 4; i++) await trained(net, optimizer, i).loss.item();
      assertNumbers('the kept logits', await numbersOf(kept), new PlainNet().logits(batch(0)).data, near);
      return 'right after three more steps';
    },
  },
  {
    name: 'an eval loop that sums a metric under noGrad: one program a batch, flat',
    run: async (context) => {
      const net = new SmallNet().eval();
      const reference = new PlainNet();
      let hits = tensor(0);
      let expected = 0;
      const turn = (i: number): void => {
        const logits = noGrad(() => net.forward(host(batch(i).images)));
        hits = hits.add(
          logits
            .argmax(1)
            .eq(labelsOf(batch(i)))
            .sum(),
        );
        expected += plainHits(reference.logits(batch(i)), batch(i));
      };
      turn(0);
      turn(1);
      const cost = await costOf(context, () => {
        for (let i = 2; i < 12; i++) turn(i);
      });
      assertCost('10 batches', cost, { programs: { atMost: 11 }, compiled: { atMost: 1 } });
      assertEqual('hits', await hits.item(), expected);
      await assertFlat(context, 32 * context.scale, turn);
      return `${cost.programs} programs for 10 batches`;
    },
  },
  {
    name: 'recurrent state carried by detach(): flat',
    run: async (context) => {
      const weight = host(random([4, 4], { low: -0.5, high: 0.5 }));
      weight.requiresGrad_();
      let state = ones([1, 4]);
      await assertFlat(context, 48 * context.scale, () => {
        state = state.detach().matmul(weight).tanh();
        state.sum().backward();
        weight.grad = null;
      });
      assert((await numbersOf(state)).every(Number.isFinite), 'expected a finite state');
      return `${context.device.memory().allocated} bytes`;
    },
  },
  {
    name: 'a number that changes, and a slice that moves: nothing is compiled after the first',
    run: async (context) => {
      const data = host(
        plain(
          [40, 3],
          Array.from({ length: 120 }, (_, i) => i),
        ),
      );
      data.store();
      const turn = async (i: number): Promise<void> => {
        const start = (i * 7) % 30;
        const values = await numbersOf(data.narrow(0, start, 4).mul(0.25 * i + 0.1));
        const expected = Array.from({ length: 12 }, (_, j) => (start * 3 + j) * (0.25 * i + 0.1));
        assertNumbers(`turn ${i}`, values, expected, near);
      };
      await turn(0);
      const cost = await costOf(context, async () => {
        for (let i = 1; i < 9; i++) await turn(i);
      });
      assertCost('8 turns', cost, { compiled: { atMost: 1 } });
      return `${cost.compiled} compiled in 8 turns`;
    },
  },
  {
    name: 'a batch array changed after the batch was recorded: the recorded values',
    run: async () => {
      const pixels = Float32Array.of(1, 2, 3);
      const doubled = tensor(pixels).mul(2);
      pixels.fill(-1);
      assertEqual('doubled', await numbersOf(doubled), [2, 4, 6]);
      return 'the recorded values';
    },
  },
  {
    name: '12,000 nodes in a chain: no stack overflow',
    run: async () => {
      let x = arange(4, { dtype: 'float32' });
      for (let i = 0; i < 12_000; i++) x = i % 2 === 0 ? x.add(1) : x.mul(1);
      assertEqual('the end', await numbersOf(x), [6000, 6001, 6002, 6003]);
      const start = ones([2]).requiresGrad_();
      let y: Tensor = start;
      for (let i = 0; i < 3000; i++) y = y.mul(1);
      y.sum().backward();
      assertEqual('its gradient', await numbersOf(start.grad as Tensor), [1, 1]);
      return 'values and gradient';
    },
  },
];
