/**
 * Programs whose modules keep state beside their parameters: running statistics, and the keys and values of the tokens before. Rows of the specification of what
 * recorded means.
 */
import { BatchNorm1d, crossEntropy, KVCache, Linear, Module, scaledDotProductAttention } from '@torchlet/nn';
import { SGD } from '@torchlet/optim';
import { cat, noGrad, type Tensor } from '@torchlet/tensor';
import { random } from '../op-info/row.js';
import { closeness } from '../op-info/tolerances.js';
import { assert, assertNumbers, numbersOf } from '../suites/assertions.js';
import { assertCost, costOf, type ProgramRow } from './program.js';
import { type Batch, batch, host, labelsOf } from './small-net.js';

const near = closeness('cancelling');

class NormalizedNet extends Module {
  readonly norm = new BatchNorm1d(6);
  readonly out = new Linear(6, 3);

  override forward(x: Tensor): Tensor {
    return this.out.forward(this.norm.forward(x));
  }
}

/** The running mean and variance after each of some batches, in float64. */
function runningStatistics(batches: readonly Batch[]): { mean: number[]; variance: number[] } {
  const mean = new Array<number>(6).fill(0);
  const variance = new Array<number>(6).fill(1);
  for (const { images } of batches) {
    const rows = images.shape[0] as number;
    for (let c = 0; c < 6; c++) {
      const column = Array.from({ length: rows }, (_, i) => images.data[i * 6 + c] as number);
      const average = column.reduce((a, b) => a + b) / rows;
      const spread = column.reduce((sum, x) => sum + (x - average) ** 2, 0) / (rows - 1);
      mean[c] = 0.9 * (mean[c] as number) + 0.1 * average;
      variance[c] = 0.9 * (variance[c] as number) + 0.1 * spread;
    }
  }
  return { mean, variance };
}

const features = 4;
const heads = 2;

/** One head's worth of attention for token after token. */
class Attention extends Module {
  readonly project = new Linear(6, 3 * heads * features, { bias: false });

  constructor() {
    super();
    noGrad(() => this.project.weight.copy_(host(random([3 * heads * features, 6]))));
  }

  /** Queries, keys and values of [1, heads, tokens, features]. */
  override forward(x: Tensor): Tensor[] {
    const all = this.project.forward(x).reshape([1, x.size(1), 3, heads, features]);
    return [0, 1, 2].map((part) => all.select(2, part).transpose(1, 2));
  }
}

const token = (i: number): Tensor => host(random([1, 1, 6], undefined, i + 1));

/** What the last of `count` tokens attends to, with all of them at once. */
async function attendedByLast(net: Attention, count: number): Promise<number[]> {
  const tokens = cat(
    Array.from({ length: count }, (_, i) => token(i)),
    1,
  );
  const [query, key, value] = noGrad(() => net.forward(tokens)) as [Tensor, Tensor, Tensor];
  return numbersOf(
    noGrad(() => scaledDotProductAttention(query, key, value, { isCausal: true })).narrow(2, count - 1, 1),
  );
}

export const statePrograms: readonly ProgramRow[] = [
  {
    name: 'BatchNorm through train and eval: statistics updated once a forward, two plans',
    run: async (context) => {
      const net = new NormalizedNet();
      const optimizer = new SGD(net.parameters(), { lr: 0.1 });
      const seen: Batch[] = [];
      const train = (i: number): void => {
        seen.push(batch(i));
        crossEntropy(net.forward(host(batch(i).images)), labelsOf(batch(i))).backward();
        optimizer.step();
        optimizer.zeroGrad();
      };
      const evaluateOnce = async (i: number): Promise<number[]> =>
        numbersOf(noGrad(() => net.forward(host(batch(i).images))));
      const turn = async (i: number): Promise<void> => {
        net.train();
        train(2 * i);
        train(2 * i + 1);
        net.eval();
        await evaluateOnce(i);
      };
      await turn(0);
      const cost = await costOf(context, async () => {
        for (let i = 1; i < 4; i++) await turn(i);
      });
      assertCost('3 turns of two steps and one evaluation', cost, { programs: 9, compiled: 0 });
      const { mean, variance } = runningStatistics(seen);
      const state = net.stateDict();
      const expected = { running_mean: mean, running_var: variance, num_batches_tracked: [seen.length] };
      for (const [name, values] of Object.entries(expected))
        assertNumbers(name, await numbersOf(state[`norm.${name}`] as Tensor), values, near);
      return `${context.counts.programsCompiled} plans`;
    },
  },
  {
    name: 'generation with a growing cache: right, one plan a length',
    run: async (context) => {
      const net = new Attention();
      let cached: { key: Tensor; value: Tensor } | null = null;
      const cost = await costOf(context, async () => {
        for (let i = 0; i < 6; i++) {
          const [query, newKey, newValue] = noGrad(() => net.forward(token(i))) as [Tensor, Tensor, Tensor];
          const key: Tensor = cached === null ? newKey : cat([cached.key, newKey], 2);
          const value: Tensor = cached === null ? newValue : cat([cached.value, newValue], 2);
          const attended = noGrad(() => scaledDotProductAttention(query, key, value));
          cached = { key: key.keep(), value: value.keep() };
          assertNumbers(`token ${i}`, await numbersOf(attended), await attendedByLast(net, i + 1), near);
        }
      });
      return `${cost.compiled} plans for 6 lengths, twice`;
    },
  },
  {
    name: 'generation with KVCache: right, one plan, no copy of the cache a token',
    run: async (context) => {
      const maxLength = 1024;
      const net = new Attention();
      const cache = new KVCache({ batchSize: 1, maxLength, numHeads: heads, headDim: features });
      const bytes = 4 * heads * maxLength * features;
      const generate = async (i: number): Promise<number[]> => {
        const [query, newKey, newValue] = noGrad(() => net.forward(token(i))) as [Tensor, Tensor, Tensor];
        const { key, value, attnMask } = cache.update(newKey, newValue);
        return numbersOf(noGrad(() => scaledDotProductAttention(query, key, value, { attnMask })));
      };
      const attended = [await generate(0), await generate(1)];
      const before = context.device.memory();
      const cost = await costOf(context, async () => {
        for (let i = 2; i < 8; i++) attended.push(await generate(i));
      });
      assertCost('6 tokens', cost, { programs: { atMost: 12 }, compiled: 0 });
      const after = context.device.memory();
      assert(
        after.allocated === before.allocated && after.peak - after.allocated < bytes,
        `expected no copy of a cache of ${bytes} bytes, got ${after.allocated - before.allocated} bytes more, and a peak ${after.peak - after.allocated} above`,
      );
      for (const [i, values] of attended.entries())
        assertNumbers(`token ${i}`, values, await attendedByLast(net, i + 1), near);
      return `${cost.programs / 6} programs a token`;
    },
  },
];
