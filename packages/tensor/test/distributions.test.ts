/** Distributions against PyTorch's numbers, and draws against their moments. */
import { cpu } from '@torchlet/device-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { distributions, Generator, setDefaultDevice, type Tensor, tensor, zeros } from '../src/index.js';

beforeAll(async () => {
  setDefaultDevice(await cpu());
});

const { Bernoulli, Categorical, Exponential, Independent, klDivergence, Laplace, Normal, Uniform } = distributions;
const floats = (values: readonly number[] | readonly number[][]): Tensor =>
  tensor(values as number[], { dtype: 'float32' });

async function expectNumbers(x: Tensor, expected: readonly number[]): Promise<void> {
  const values = Array.from(await x.data(), Number);
  expect(values.length).toBe(expected.length);
  for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i] as number, 5);
}

const normal = () => new Normal(floats([0.5, -1]), floats([2, 0.3]));
const uniform = () => new Uniform(floats([-1, 0]), floats([1, 3]));
const exponential = () => new Exponential(floats([0.5, 2]));
const laplace = () => new Laplace(floats([0.5, -1]), floats([2, 0.3]));
const coins = () => new Bernoulli(floats([0.2, 0.7, 1]));
const leaning = () => new Bernoulli({ logits: floats([0.2, -1]) });
const weights = [
  [1, 2, 5],
  [0.1, 0, 0.3],
];
const categories = () => new Categorical(floats(weights));
const scored = () => new Categorical({ logits: floats(weights) });

describe('densities, entropies and variances', () => {
  const rows: [string, () => distributions.Distribution, Tensor, number[], number[], number[]][] = [
    ['Normal', normal, floats([1, -0.5]), [-1.6433357, -1.1038545], [2.1120858, 0.2149657], [4, 0.09]],
    ['Uniform', uniform, floats([0.2, 2]), [-Math.LN2, -1.0986123], [Math.LN2, 1.0986123], [1 / 3, 0.75]],
    ['Exponential', exponential, floats([1, 0.5]), [-1.1931472, -0.3068528], [1.6931472, 0.3068528], [4, 0.25]],
    ['Laplace', laplace, floats([1, -0.5]), [-1.6362944, -1.1558411], [2.3862944, 0.4891744], [8, 0.18]],
    ['Bernoulli', coins, floats([1, 0, 1]), [-1.6094379, -1.2039728, 0], [0.5004025, 0.6108643, 0], [0.16, 0.21, 0]],
    [
      'logits of coins',
      leaning,
      floats([1, 0]),
      [-0.5981389, -0.3132617],
      [0.6881722, 0.582203],
      [0.2475166, 0.1966119],
    ],
  ];
  it.each(rows)('%s', async (_, make, value, logProbs, entropies, variances) => {
    const distribution = make();
    await expectNumbers(distribution.logProb(value), logProbs);
    await expectNumbers(distribution.entropy(), entropies);
    await expectNumbers(distribution.variance, variances);
    await expectNumbers(distribution.stddev, variances.map(Math.sqrt));
  });

  it('Categorical, of probabilities that need not sum to 1 and of logits, broadcast against values', async () => {
    await expectNumbers(categories().logProb(tensor([2, 0])), [-0.4700036, -1.3862944]);
    await expectNumbers(categories().logProb(tensor(1)), [-1.3862944, -15.9423847]);
    const square = tensor([
      [2, 0],
      [1, 2],
    ]);
    await expectNumbers(categories().logProb(square), [-0.4700036, -1.3862944, -1.3862944, -0.2876821]);
    await expectNumbers(categories().entropy(), [0.900256, 0.5623351]);
    await expectNumbers(scored().logProb(tensor([2, 0])), [-0.0658841, -1.1398309]);
    await expectNumbers(scored().entropy(), [0.2743133, 1.0906355]);
    expect(await scored().mode.array()).toEqual([2, 2]);
  });

  it('gradients reach the parameters', async () => {
    const logits = floats([0.3, -0.2, 0.9]).requiresGrad_();
    new Categorical({ logits }).logProb(tensor(2)).backward();
    await expectNumbers(logits.grad as Tensor, [-0.29166, -0.1769007, 0.4685608]);
    const [mean, std] = [floats([0.3]).requiresGrad_(), floats([0.5]).requiresGrad_()];
    new Normal(mean, std)
      .logProb(floats([1]))
      .sum()
      .backward();
    await expectNumbers(mean.grad as Tensor, [2.8]);
    await expectNumbers(std.grad as Tensor, [1.92]);
  });

  it('cdf of the normal', async () => {
    await expectNumbers(normal().cdf(floats([1, -0.5])), [0.5987063, 0.9522097]);
  });
});

describe('klDivergence', () => {
  it.each([
    ['normals', normal, () => new Normal(0, 1), [0.9318528, 1.2489729]],
    ['coins', leaning, () => new Bernoulli(floats([0.5, 0.1])), [0.0049751, 0.1140821]],
    ['categories', categories, scored, [0.415628, 0.4274958]],
  ] as const)('of %s', async (_, p, q, expected) => {
    await expectNumbers(klDivergence(p(), q()), expected);
  });

  it('says what it has no rule for', () => {
    expect(() => klDivergence(normal(), uniform())).toThrow('klDivergence: there is no rule for Normal and Uniform');
  });
});

describe('draws', () => {
  it.each([
    ['Normal', normal],
    ['Uniform', uniform],
    ['Exponential', exponential],
    ['Laplace', laplace],
    ['Bernoulli', coins],
  ] as const)('of %s have its mean and variance', async (_, make) => {
    const distribution = make();
    const count = 20000;
    const drawn = distribution.sample([count], { generator: new Generator(4) });
    expect(drawn.shape).toEqual([count, ...distribution.batchShape]);
    const [means, variances] = [await distribution.mean.data(), await distribution.variance.data()];
    for (const [i, mean] of Array.from(await drawn.mean(0).data(), Number).entries()) {
      // Five standard errors.
      expect(Math.abs(mean - Number(means[i]))).toBeLessThanOrEqual(5 * Math.sqrt(Number(variances[i]) / count));
    }
    for (const [i, variance] of Array.from(await drawn.var(0).data(), Number).entries()) {
      expect(Math.abs(variance - Number(variances[i]))).toBeLessThanOrEqual(0.1 * Number(variances[i]) + 1e-9);
    }
  });

  it('of categories come in proportion, for each row', async () => {
    const drawn = categories().sample([8000], { generator: new Generator(5) });
    expect([drawn.shape, drawn.dtype]).toEqual([[8000, 2], 'int64']);
    const shares = await drawn
      .unsqueeze(-1)
      .eq(tensor([0, 1, 2]))
      .float()
      .mean(0)
      .array();
    for (const [row, of] of [
      [0, [1 / 8, 2 / 8, 5 / 8]],
      [1, [1 / 4, 0, 3 / 4]],
    ] as const) {
      for (const [i, share] of of.entries()) expect((shares as number[][])[row]?.[i]).toBeCloseTo(share, 1);
    }
    expect(new Categorical(floats([1, 1])).sample().shape).toEqual([]);
  });

  it('pass gradients where they are functions of the parameters, and say so where they are not', async () => {
    const [mean, std] = [floats([1]).requiresGrad_(), floats([2]).requiresGrad_()];
    const drawn = new Normal(mean, std).rsample([3], { generator: new Generator(1) });
    drawn.sum().backward();
    await expectNumbers(mean.grad as Tensor, [3]);
    await expectNumbers(std.grad as Tensor, [(Number(await drawn.sum().item()) - 3) / 2]);
    expect(new Normal(mean, std).sample().requiresGrad).toBe(false);
    expect(() => coins().rsample()).toThrow('rsample: Bernoulli has no draws that pass gradients');
  });

  it('Independent sums the log probabilities of one event', async () => {
    const event = new Independent(new Normal(zeros([2, 3]), 2), 1);
    await expectNumbers(event.logProb(zeros([2, 3]).add(1)), [-5.211257, -5.211257]);
    await expectNumbers(event.entropy(), [6.3362574, 6.3362574]);
    expect([event.batchShape, event.eventShape, event.sample([5]).shape]).toEqual([[2], [3], [5, 2, 3]]);
  });
});

it('Categorical refuses what has no categories', () => {
  expect(() => new Categorical(tensor(1))).toThrow('Categorical: expected floats with a last dim of categories');
});
