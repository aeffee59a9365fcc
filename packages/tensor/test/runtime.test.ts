import { cpu } from '@torchlet/device-cpu';
import type { Device } from '@torchlet/device';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  cat,
  deviceStats,
  evaluate,
  grad,
  noGrad,
  runForward,
  setDefaultDevice,
  slice,
  spendGradients,
  StaleValueError,
  stack,
  type Tensor,
  tensor,
} from '../src/index.js';

let device: Device;

beforeAll(async () => {
  device = await cpu();
  setDefaultDevice(device);
});

/** A module of one weight, as nn would run it. */
class Scale {
  readonly weight: Tensor = tensor([2], { dtype: 'float32', requiresGrad: true });
  forward(x: Tensor): Tensor {
    return runForward(this, true, () => x.mul(this.weight));
  }
  step(lr: number): void {
    noGrad(() => this.weight.sub_((this.weight.grad as Tensor).mul(lr)));
    spendGradients([this.weight]);
    this.weight.grad = null;
  }
}

const x = (value: number): Tensor => tensor([value], { dtype: 'float32' });

describe('small values', () => {
  it('fill pages within one evaluation and over many, and stay right', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => x(i).add(1));
    await many[2999]?.item();
    expect(await Promise.all([many[0], many[1500], many[2999]].map((value) => value?.item()))).toEqual([1, 1501, 3000]);
    const kept: Tensor[] = [];
    for (let i = 0; i < 1500; i++) {
      const value = x(i).mul(2);
      await value.item();
      kept.push(value);
    }
    expect(await Promise.all(kept.map((value) => value.item()))).toEqual(kept.map((_, i) => 2 * i));
  });

  it('are read together by one plan, wherever they lie', async () => {
    const epoch = async () => {
      const losses: Tensor[] = [];
      for (let i = 0; i < 700; i++) {
        const loss = x(i).square().sum();
        await loss.item();
        losses.push(loss);
      }
      return (await stack(losses).data())[699];
    };
    expect(await epoch()).toBe(699 * 699);
    const compiled = deviceStats(device).programsCompiled;
    expect(await epoch()).toBe(699 * 699);
    expect(deviceStats(device).programsCompiled).toBe(compiled);
  });
});

describe('one evaluation', () => {
  it('runs forward, backward and update of a step as one program, and compiles once', async () => {
    const model = new Scale();
    const losses: Tensor[] = [];
    const before = deviceStats(device);
    for (let i = 0; i < 5; i++) {
      const loss = model.forward(x(1)).square().sum();
      loss.backward();
      model.step(0.1 + i / 100);
      losses.push(loss);
    }
    const after = deviceStats(device);
    expect(after.programsRun - before.programsRun).toBe(5);
    expect(after.programsCompiled - before.programsCompiled).toBe(1);
    let w = 2;
    for (let i = 0; i < 5; i++) {
      expect(await losses[i]?.item()).toBeCloseTo(w * w, 4);
      w -= (0.1 + i / 100) * 2 * w;
    }
    expect(await model.weight.item()).toBeCloseTo(w, 5);
  });

  it('gives the values the step computed, with its weights, and refuses those of two steps ago', async () => {
    const model = new Scale();
    const results: Tensor[] = [];
    for (let i = 0; i < 3; i++) {
      const big = tensor(new Float32Array(100).fill(i + 1));
      const result = model.forward(big);
      result.sum().backward();
      model.step(0.01);
      results.push(result);
    }
    expect((await results[2]?.data())?.[0]).toBeCloseTo(3 * (2 - 0.01 * 300), 4);
    await expect(results[0]?.data()).rejects.toThrow(StaleValueError);
    await expect(results[0]?.data()).rejects.toThrow(/Scale.*keep\(\)/s);
  });

  it('keeps what keep() holds', async () => {
    const model = new Scale();
    const first = model.forward(tensor(new Float32Array(100).fill(1)));
    first.sum().backward();
    first.keep();
    model.step(0.1);
    for (let i = 0; i < 3; i++) {
      model
        .forward(tensor(new Float32Array(100).fill(1)))
        .sum()
        .backward();
      model.step(0.1);
    }
    expect((await first.data())[0]).toBe(2);
  });

  it('reads a loss before backward, and between backward and step', async () => {
    const model = new Scale();
    const loss = model.forward(x(3)).square().sum();
    expect(await loss.item()).toBe(36);
    loss.backward();
    expect(await loss.item()).toBe(36);
    expect(await model.weight.grad?.item()).toBe(36);
    model.step(0.1);
    expect(await model.weight.item()).toBeCloseTo(-1.6, 5);
  });

  it('takes snapshots that later updates leave alone', async () => {
    const model = new Scale();
    const trajectory: Tensor[] = [];
    for (let i = 0; i < 3; i++) {
      model.forward(x(1)).sum().backward();
      model.step(0.5);
      trajectory.push(model.weight.detach().clone());
    }
    expect(await Promise.all(trajectory.map((w) => w.item()))).toEqual([1.5, 1, 0.5]);
  });

  it('accumulates gradients over micro-batches', async () => {
    const model = new Scale();
    for (let i = 0; i < 4; i++) model.forward(x(i)).sum().backward();
    expect(await model.weight.grad?.item()).toBe(6);
  });

  it('leaves nothing pending after an exception', async () => {
    const model = new Scale();
    model.forward(x(1)).sum().backward();
    expect(() => noGrad(() => model.weight.sub_(tensor([1, 2, 3])))).toThrow(/broadcast/);
    model.weight.grad = null;
    model.forward(x(1)).sum().backward();
    model.step(1);
    expect(await model.weight.item()).toBe(1);
  });
});

describe('views and writes in place', () => {
  it('shows writes to the base in views and back', async () => {
    const base = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: 'float32' },
    );
    const row = base.at(1);
    const column = base.t().at(0);
    base.mul_(10);
    expect(await row.array()).toEqual([30, 40]);
    row.add_(1);
    expect(await base.array()).toEqual([
      [10, 20],
      [31, 41],
    ]);
    column.fill_(0);
    expect(await base.array()).toEqual([
      [0, 20],
      [0, 41],
    ]);
  });

  it('refuses to change a leaf while gradients are recorded', () => {
    const w = tensor([1], { dtype: 'float32', requiresGrad: true });
    expect(() => w.add_(1)).toThrow(/noGrad/);
  });
});

describe('rows copied whole', () => {
  it('picks long rows by index, joins and cuts them', async () => {
    const values = Float32Array.from({ length: 50 * 100 }, (_, i) => i);
    const x = tensor(values, { shape: [50, 100] }).store();
    const picked = await x.indexSelect(0, tensor([49, 0, 7])).array();
    const row = (i: number) => Array.from(values.subarray(i * 100, i * 100 + 100));
    expect(picked).toEqual([row(49), row(0), row(7)]);
    const cut = await x.at(slice(3, 5), slice(10, 90)).contiguous().mul(1).array();
    expect(cut).toEqual([row(3).slice(10, 90), row(4).slice(10, 90)]);
    const joined = await cat([x.narrow(0, 0, 1), x.narrow(0, 48, 2)], 1 - 1).array();
    expect(joined).toEqual([row(0), row(48), row(49)]);
    const wide = await x
      .to('float64')
      .indexSelect(0, tensor([1, 1]))
      .array();
    expect(wide).toEqual([row(1), row(1)]);
  });
});

describe('gradients', () => {
  it('differentiates twice', async () => {
    const w = tensor([3], { dtype: 'float32', requiresGrad: true });
    const y = w.pow(3).sum();
    const [first] = grad(y, w, { createGraph: true });
    const [second] = grad(first?.sum() as Tensor, w);
    expect(await first?.item()).toBe(27);
    expect(await second?.item()).toBe(18);
  });

  it('refuses a second walk without retainGraph', () => {
    const w = tensor([3], { dtype: 'float32', requiresGrad: true });
    const y = w.square().sum();
    y.backward();
    expect(() => y.backward()).toThrow(/retainGraph/);
  });
});

describe('memory', () => {
  it('gives dropped results their memory back, however many a loop makes', () => {
    const x = tensor(new Float32Array(2 ** 20).fill(1));
    const bytes: number[] = [];
    for (let i = 0; i < 200; i++) {
      x.add(i).evaluateNow();
      bytes.push(device.memory().allocated);
    }
    expect(Math.max(...bytes.slice(100))).toBeLessThanOrEqual(Math.max(...bytes.slice(0, 100)));
  });

  it('finds what a loop that awaits has dropped, before it moves anything to the host', async () => {
    const own = await cpu();
    let moved = 0;
    const watched = new Proxy(own, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...given: unknown[]) => {
          if (name === 'readNow') moved++;
          return value.apply(target, given);
        };
      },
    });
    const x = tensor(new Float32Array(2 ** 21).fill(1), { device: watched });
    for (let i = 0; i < 100; i++) await evaluate(x.add(i));
    expect(own.memory().created).toBeLessThan(50);
    expect(moved).toBe(0);
    own.dispose();
  });

  it('disposes of an evaluated value once, and refuses to read it', async () => {
    const y = tensor(new Float32Array(2 ** 20)).add(1);
    y.evaluateNow();
    y.dispose();
    y.dispose();
    await expect(y.data()).rejects.toThrow(/disposed/);
  });
});
