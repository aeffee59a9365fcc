import { type Device, deviceStats, type Tensor, tensor } from '@torchlet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  ASGD,
  Adadelta,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  NAdam,
  type Optimizer,
  RAdam,
  RMSprop,
  Rprop,
  SGD,
} from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf, float32Digits, parameter, pull } from './training.js';

let device: Device;

beforeAll(async () => {
  device = await openDevice();
});

const slopes = [0.5, -2, 1, 3, -1];

/** Five steps of one number, in plain float64: the formulas of PyTorch's documentation. */
type Rule = (p: number, g: number, t: number, state: number[]) => number;

interface Row {
  readonly make: (params: Tensor[]) => Optimizer;
  readonly rule: Rule;
}

function momentum(state: number[], g: number, t: number, kept: number, dampening: number): number {
  const b = t === 1 ? g : kept * (state[0] as number) + (1 - dampening) * g;
  state[0] = b;
  return b;
}

function moments(state: number[], g: number, t: number, beta1: number, beta2: number): [number, number] {
  const [m0 = 0, v0 = 0] = state;
  const m = beta1 * m0 + (1 - beta1) * g;
  const v = beta2 * v0 + (1 - beta2) * g * g;
  state[0] = m;
  state[1] = v;
  return [m / (1 - beta1 ** t), v / (1 - beta2 ** t)];
}

const rows: Readonly<Record<string, Row>> = {
  SGD: { make: (p) => new SGD(p, { lr: 0.1 }), rule: (p, g) => p - 0.1 * g },
  'SGD that climbs': { make: (p) => new SGD(p, { lr: 0.1, maximize: true }), rule: (p, g) => p + 0.1 * g },
  'SGD with weight decay': {
    make: (p) => new SGD(p, { lr: 0.1, weightDecay: 0.5 }),
    rule: (p, g) => p - 0.1 * (g + 0.5 * p),
  },
  'SGD with momentum': {
    make: (p) => new SGD(p, { lr: 0.1, momentum: 0.9 }),
    rule: (p, g, t, state) => p - 0.1 * momentum(state, g, t, 0.9, 0),
  },
  'SGD with dampening': {
    make: (p) => new SGD(p, { lr: 0.1, momentum: 0.9, dampening: 0.3, weightDecay: 0.1 }),
    rule: (p, g, t, state) => p - 0.1 * momentum(state, g + 0.1 * p, t, 0.9, 0.3),
  },
  'SGD with nesterov': {
    make: (p) => new SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true }),
    rule: (p, g, t, state) => p - 0.1 * (g + 0.9 * momentum(state, g, t, 0.9, 0)),
  },
  Adam: {
    make: (p) => new Adam(p, { lr: 0.1 }),
    rule: (p, g, t, state) => {
      const [m, v] = moments(state, g, t, 0.9, 0.999);
      return p - (0.1 * m) / (Math.sqrt(v) + 1e-8);
    },
  },
  'Adam with weight decay and other betas': {
    make: (p) => new Adam(p, { lr: 0.1, betas: [0.5, 0.8], eps: 0.01, weightDecay: 0.3 }),
    rule: (p, g, t, state) => {
      const [m, v] = moments(state, g + 0.3 * p, t, 0.5, 0.8);
      return p - (0.1 * m) / (Math.sqrt(v) + 0.01);
    },
  },
  'Adam with amsgrad': {
    make: (p) => new Adam(p, { lr: 0.1, betas: [0.5, 0.5], amsgrad: true }),
    rule: (p, g, t, state) => {
      const [m] = moments(state, g, t, 0.5, 0.5);
      state[2] = Math.max(state[2] ?? 0, state[1] as number);
      return p - (0.1 * m) / (Math.sqrt(state[2] / (1 - 0.5 ** t)) + 1e-8);
    },
  },
  AdamW: {
    make: (p) => new AdamW(p, { lr: 0.1, weightDecay: 0.2, maximize: true }),
    rule: (p, g, t, state) => {
      const [m, v] = moments(state, -g, t, 0.9, 0.999);
      return p * (1 - 0.1 * 0.2) - (0.1 * m) / (Math.sqrt(v) + 1e-8);
    },
  },
  'RMSprop, centred, with momentum': {
    make: (p) => new RMSprop(p, { lr: 0.1, alpha: 0.8, centered: true, momentum: 0.5, eps: 0.01 }),
    rule: (p, g, _, state) => {
      const [v = 0, m = 0, b = 0] = state;
      state[0] = 0.8 * v + 0.2 * g * g;
      state[1] = 0.8 * m + 0.2 * g;
      state[2] = 0.5 * b + g / (Math.sqrt(state[0] - state[1] ** 2) + 0.01);
      return p - 0.1 * state[2];
    },
  },
  Adagrad: {
    make: (p) => new Adagrad(p, { lr: 0.1, lrDecay: 0.5, initialAccumulatorValue: 2 }),
    rule: (p, g, t, state) => {
      state[0] = (state[0] ?? 2) + g * g;
      return p - ((0.1 / (1 + (t - 1) * 0.5)) * g) / (Math.sqrt(state[0]) + 1e-10);
    },
  },
  Adadelta: {
    make: (p) => new Adadelta(p, { lr: 0.5, eps: 0.01, maximize: true }),
    rule: (p, g, _, state) => {
      const [v = 0, d = 0] = state;
      state[0] = 0.9 * v + 0.1 * g * g;
      const delta = (Math.sqrt(d + 0.01) / Math.sqrt(state[0] + 0.01)) * -g;
      state[1] = 0.9 * d + 0.1 * delta * delta;
      return p - 0.5 * delta;
    },
  },
  Rprop: {
    make: (p) => new Rprop(p, { lr: 0.1, stepSizes: [0.01, 0.11] }),
    rule: (p, g, _, state) => {
      const [before = 0, size = 0.1] = state;
      const agreement = Math.sign(g * before);
      state[0] = agreement < 0 ? 0 : g;
      state[1] = Math.min(0.11, Math.max(0.01, size * (agreement > 0 ? 1.2 : agreement < 0 ? 0.5 : 1)));
      return p - Math.sign(state[0]) * state[1];
    },
  },
  Adamax: {
    make: (p) => new Adamax(p, { lr: 0.1, betas: [0.5, 0.8], eps: 0.01 }),
    rule: (p, g, t, state) => {
      const [m = 0, u = 0] = state;
      state[0] = 0.5 * m + 0.5 * g;
      state[1] = Math.max(0.8 * u, Math.abs(g) + 0.01);
      return p - ((0.1 / (1 - 0.5 ** t)) * state[0]) / state[1];
    },
  },
  NAdam: {
    make: (p) => new NAdam(p, { lr: 0.1, momentumDecay: 0.5 }),
    rule: (p, g, t, state) => {
      const [, v] = moments(state, g, t, 0.9, 0.999);
      const mu = (i: number): number => 0.9 * (1 - 0.5 * 0.96 ** (i * 0.5));
      state[2] = (state[2] ?? 1) * mu(t);
      const mean = (mu(t + 1) * (state[0] as number)) / (1 - state[2] * mu(t + 1));
      return p - (0.1 * (mean + ((1 - mu(t)) * g) / (1 - state[2]))) / (Math.sqrt(v) + 1e-8);
    },
  },
  'RAdam, before and after it can tell the variance': {
    make: (p) => new RAdam(p, { lr: 0.1, betas: [0.9, 0.9] }),
    rule: (p, g, t, state) => {
      const [m, v] = moments(state, g, t, 0.9, 0.9);
      const longest = 2 / (1 - 0.9) - 1;
      const length = longest - (2 * t * 0.9 ** t) / (1 - 0.9 ** t);
      if (length <= 5) return p - 0.1 * m;
      const rectified = ((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length);
      return p - (0.1 * m * Math.sqrt(rectified)) / Math.sqrt(v);
    },
  },
  ASGD: {
    make: (p) => new ASGD(p, { lr: 0.1, lambd: 0.5, alpha: 0.5 }),
    rule: (p, g, t, state) => {
      const eta = state[0] ?? 0.1;
      state[0] = 0.1 / (1 + 0.5 * 0.1 * t) ** 0.5;
      return p * (1 - 0.5 * eta) - eta * g;
    },
  },
};

describe.each(Object.entries(rows))('%s', (_, { make, rule }) => {
  test('follows its formula, one program a step, compiled once', async () => {
    const p = parameter([1, -2]);
    const optimizer = make([p]);
    const states: number[][] = [[], []];
    let expected = [1, -2];
    const before = deviceStats(device);
    for (const [i, slope] of slopes.entries()) {
      pull(p, [slope, 2 * slope]);
      optimizer.step();
      optimizer.zeroGrad();
      expected = expected.map((x, k) => rule(x, (k + 1) * slope, i + 1, states[k] as number[]));
    }
    const after = deviceStats(device);
    expect(after.programsRun - before.programsRun).toBe(slopes.length);
    expect(after.programsCompiled - before.programsCompiled).toBe(1);
    const got = await dataOf(p);
    got.forEach((x, k) => {
      expect(x).toBeCloseTo(expected[k] as number, float32Digits);
    });
  });
});

describe('a step', () => {
  test('compiles nothing for another learning rate', async () => {
    const p = parameter([1]);
    const optimizer = new SGD([p], { lr: 0.1 });
    const step = (lr: number) => {
      for (const group of optimizer.paramGroups) group.lr = lr;
      pull(p, [1]);
      optimizer.step();
      optimizer.zeroGrad();
    };
    step(0.1);
    const before = deviceStats(device).programsCompiled;
    step(0.2);
    step(0.3);
    expect(deviceStats(device).programsCompiled).toBe(before);
    expect((await dataOf(p))[0]).toBeCloseTo(0.4, float32Digits);
  });

  test('leaves parameters without a gradient alone, and their counts', async () => {
    const [p, q] = [parameter([1]), parameter([1])];
    const optimizer = new Adam([p, q], { lr: 0.1 });
    pull(p, [1]);
    pull(q, [1]);
    optimizer.step();
    optimizer.zeroGrad();
    const before = await dataOf(q);
    pull(p, [1]);
    optimizer.step();
    optimizer.zeroGrad();
    expect(await dataOf(q)).toEqual(before);
    pull(p, [1]);
    pull(q, [1]);
    optimizer.step();
    const { state } = optimizer.stateDict();
    expect(await dataOf(state[0]?.['step'])).toEqual([3]);
    expect(await dataOf(state[1]?.['step'])).toEqual([2]);
    // With a constant gradient every step of Adam is lr.
    expect((await dataOf(p))[0]).toBeCloseTo(0.7, float32Digits);
    expect((await dataOf(q))[0]).toBeCloseTo(0.8, float32Digits);
  });

  test('takes options by group, and groups added later', async () => {
    const [p, q, r] = [parameter([1]), parameter([1]), parameter([1])];
    const optimizer = new SGD([{ params: [p] }, { params: [q], lr: 0.01 }], { lr: 0.1 });
    optimizer.addParamGroup({ params: [r], lr: 1, momentum: 0.5 });
    for (const x of [p, q, r]) pull(x, [1]);
    optimizer.step();
    expect((await Promise.all([p, q, r].map(dataOf))).flat()).toEqual([0.9, 0.99, 0].map(Math.fround));
    expect(optimizer.paramGroups.map(({ lr, momentum }) => [lr, momentum])).toEqual([
      [0.1, 0],
      [0.01, 0],
      [1, 0.5],
    ]);
  });

  test('runs a closure with gradients on, and gives its loss', async () => {
    const p = parameter([2]);
    const optimizer = new SGD([p], { lr: 0.5 });
    const loss = optimizer.step(() => pull(p, [1]));
    expect(await loss.item()).toBe(2);
    expect(await dataOf(p)).toEqual([1.5]);
  });

  test('takes a gradient that was set by hand', async () => {
    const p = parameter([2]);
    p.grad = tensor([4], { dtype: 'float32' });
    new SGD([p], { lr: 0.5 }).step();
    expect(await dataOf(p)).toEqual([0]);
  });

  test('keeps the parameter a leaf that requires a gradient', () => {
    const p = parameter([2]);
    const optimizer = new SGD([p], { lr: 0.5 });
    pull(p, [1]);
    optimizer.step();
    expect([p.isLeaf, p.requiresGrad]).toEqual([true, true]);
    optimizer.zeroGrad();
    expect(p.grad).toBeNull();
  });
});

describe('state dicts', () => {
  test.each(Object.entries(rows))('%s continues as if it had not stopped', async (_, { make }) => {
    const [p, q] = [parameter([1]), parameter([1])];
    const straight = make([p]);
    const first = make([q]);
    const steps = (optimizer: Optimizer, x: Tensor, from: number, to: number) => {
      for (const slope of slopes.slice(from, to)) {
        pull(x, [slope]);
        optimizer.step();
        optimizer.zeroGrad();
      }
    };
    steps(straight, p, 0, 5);
    steps(first, q, 0, 3);
    const second = make([q]);
    second.loadStateDict(first.stateDict());
    steps(second, q, 3, 5);
    expect(await dataOf(q)).toEqual(await dataOf(p));
  });

  test('have the names of PyTorch', () => {
    const [p, q] = [parameter([1]), parameter([1])];
    const { state, paramGroups } = new Adam([{ params: [p] }, { params: [q], amsgrad: true }]).stateDict();
    expect(Object.keys(state[0] ?? {})).toEqual(['step', 'exp_avg', 'exp_avg_sq']);
    expect(Object.keys(state[1] ?? {})).toEqual(['step', 'exp_avg', 'exp_avg_sq', 'max_exp_avg_sq']);
    expect(paramGroups.map(({ params }) => params)).toEqual([[0], [1]]);
  });

  test('give each parameter the count it had, also where counts differ', async () => {
    const optimizer = new Adam([parameter([1]), parameter([1])]);
    const saved = optimizer.stateDict();
    const counts = [3, 5].map((count) => ({ ...saved.state[0], step: tensor(count, { dtype: 'float32' }) }));
    optimizer.loadStateDict({ paramGroups: saved.paramGroups, state: { 0: counts[0] ?? {}, 1: counts[1] ?? {} } });
    const { state } = optimizer.stateDict();
    expect(await dataOf(state[0]?.['step'])).toEqual([3]);
    expect(await dataOf(state[1]?.['step'])).toEqual([5]);
  });

  test('that do not fit are refused', () => {
    const adam = new Adam([parameter([1])]);
    const { state, paramGroups } = adam.stateDict();
    expect(() => adam.loadStateDict({ state, paramGroups: [] })).toThrow('expected groups of 1 parameters, got ');
    const wrong = { 0: { exp_avg: tensor([1, 2]) } };
    expect(() => adam.loadStateDict({ state: wrong, paramGroups })).toThrow(
      'expected exp_avg of parameter 0 of shape [1], got [2]',
    );
    expect(() => adam.loadStateDict({ state: { 0: { sum: tensor([1]) } }, paramGroups })).toThrow(
      'parameter 0 has no state sum, but step, exp_avg, exp_avg_sq',
    );
  });
});

describe('what makes no sense is refused', () => {
  const p = () => [parameter([1])];
  test.each<readonly [string, () => unknown]>([
    ['SGD: expected parameters, got none', () => new SGD([], { lr: 1 })],
    ['SGD: expected an lr of at least 0, got -1', () => new SGD(p(), { lr: -1 })],
    ['SGD: nesterov needs a momentum', () => new SGD(p(), { lr: 1, nesterov: true })],
    ['SGD: expected a momentum of at least 0', () => new SGD(p(), { lr: 1, momentum: -1 })],
    ['SGD: expected a weightDecay of at least 0', () => new SGD(p(), { lr: 1, weightDecay: -1 })],
    ['Adam: expected betas in [0, 1), got 1 and 0.9', () => new Adam(p(), { betas: [1, 0.9] })],
    ['Adam: expected an eps of at least 0', () => new Adam(p(), { eps: -1 })],
    ['AdamW: expected an lr of at least 0', () => new AdamW(p(), { lr: Number.NaN })],
    ['SGD: expected leaves, got the result of an operation', () => new SGD([parameter([1]).mul(2)], { lr: 1 })],
  ])('%s', (message, make) => {
    expect(make).toThrow(message);
  });

  test('a parameter given twice', () => {
    const [x] = p() as [Tensor];
    expect(() => new SGD([x, x], { lr: 1 })).toThrow('is given twice');
  });
});
