import { deviceStats, type Device, type Tensor, tensor } from '@torchlet/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { Adam, clipGradNorm_, GradScaler, SGD } from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf, float32Digits, parameter } from './training.js';

let device: Device;

beforeAll(async () => {
  device = await openDevice();
});

/** Records the gradient `slopes` of the scaled loss. */
function pullScaled(scaler: GradScaler, p: Tensor, slopes: readonly number[]): void {
  scaler.scale(p.mul(tensor(Float32Array.from(slopes))).sum()).backward();
}

describe('GradScaler', () => {
  it('steps as without scaling, whatever the scale', async () => {
    for (const make of [
      (p: Tensor) => new SGD([p], { lr: 0.5, momentum: 0.9 }),
      (p: Tensor) => new Adam([p], { lr: 0.1 }),
    ]) {
      const [scaled, plain] = [parameter([1, -2]), parameter([1, -2])];
      const [first, second] = [make(scaled), make(plain)];
      const scaler = new GradScaler({ initScale: 1024 });
      for (const slopes of [
        [0.5, 3],
        [-1, 0.25],
      ]) {
        pullScaled(scaler, scaled, slopes);
        scaler.step(first);
        scaler.update();
        first.zeroGrad();
        plain
          .mul(tensor(Float32Array.from(slopes)))
          .sum()
          .backward();
        second.step();
        second.zeroGrad();
      }
      const expected = await dataOf(plain);
      (await dataOf(scaled)).forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i] as number, float32Digits);
      });
    }
  });

  it.each([Infinity, -Infinity, Number.NaN])(
    'leaves parameters and state alone where a gradient is %d',
    async (bad) => {
      const p = parameter([1, -2]);
      const optimizer = new Adam([p], { lr: 0.1 });
      const scaler = new GradScaler({ initScale: 8, growthInterval: 2 });
      const turn = async (slopes: number[]): Promise<number> => {
        pullScaled(scaler, p, slopes);
        scaler.step(optimizer);
        scaler.update();
        optimizer.zeroGrad();
        return scaler.getScale();
      };
      expect(await turn([1, 1])).toBe(8);
      const state = optimizer.state.get(p) as Record<string, Tensor>;
      const seen = async () => Promise.all([p, ...Object.values(state)].map(dataOf));
      const before = await seen();
      expect(await turn([1, bad])).toBe(4);
      expect(await seen()).toEqual(before);
      expect(await turn([1, 1])).toBe(4);
      expect(await seen()).not.toEqual(before);
      // Two steps in a row without an overflow.
      expect(await turn([1, 1])).toBe(8);
    },
  );

  it('skips each optimizer for its own gradients, and shrinks once for all', async () => {
    const [p, q] = [parameter([1]), parameter([1])];
    const [first, second] = [new SGD([p], { lr: 1 }), new SGD([q], { lr: 1 })];
    const scaler = new GradScaler({ initScale: 2 });
    pullScaled(scaler, p, [Infinity]);
    pullScaled(scaler, q, [0.25]);
    scaler.step(first);
    scaler.step(second);
    scaler.update();
    expect(await dataOf(p)).toEqual([1]);
    expect(await dataOf(q)).toEqual([0.75]);
    expect(await scaler.getScale()).toBe(1);
  });

  it('does not grow to infinity', async () => {
    const p = parameter([1]);
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler({ initScale: 2 ** 127, growthInterval: 1 });
    pullScaled(scaler, p, [0]);
    scaler.step(optimizer);
    scaler.update();
    expect(await scaler.getScale()).toBe(2 ** 127);
  });

  it('gives gradients of their true size to be clipped', async () => {
    const p = parameter([0, 0]);
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler();
    pullScaled(scaler, p, [3, -4]);
    scaler.unscale_(optimizer);
    const norm = clipGradNorm_([p], 1);
    scaler.step(optimizer);
    scaler.update();
    expect(await norm.item()).toBeCloseTo(5, float32Digits);
    const [x, y] = await dataOf(p);
    expect(x).toBeCloseTo(-0.6, float32Digits);
    expect(y).toBeCloseTo(0.8, float32Digits);
  });

  it('is one program a step, compiled once', async () => {
    const p = parameter([1, 2, 3]);
    const optimizer = new Adam([p], { lr: 0.1 });
    const scaler = new GradScaler();
    const turn = (): void => {
      pullScaled(scaler, p, [1, 2, 3]);
      scaler.step(optimizer);
      scaler.update();
      optimizer.zeroGrad();
    };
    turn();
    turn();
    const before = deviceStats(device);
    for (let i = 0; i < 5; i++) turn();
    const after = deviceStats(device);
    expect(after.programsRun - before.programsRun).toBe(5);
    expect(after.programsCompiled).toBe(before.programsCompiled);
    await dataOf(p);
  });

  it('goes on from a saved state', async () => {
    const p = parameter([1]);
    const optimizer = new SGD([p], { lr: 1 });
    const options = { growthInterval: 2 };
    const scaler = new GradScaler({ ...options, initScale: 4 });
    expect(await scaler.getScale()).toBe(4);
    const turn = (of: GradScaler): void => {
      pullScaled(of, p, [1]);
      of.step(optimizer);
      of.update();
      optimizer.zeroGrad();
    };
    turn(scaler);
    const state = scaler.stateDict();
    expect(await (state._growth_tracker as Tensor).item()).toBe(1);
    const copies = {
      ...state,
      scale: state.scale?.clone() as Tensor,
      _growth_tracker: state._growth_tracker?.clone() as Tensor,
    };
    const fresh = new GradScaler(options);
    fresh.loadStateDict(copies);
    turn(fresh);
    expect(await fresh.getScale()).toBe(8);
    // A scaler that has begun takes it over too.
    fresh.loadStateDict(copies);
    expect(await fresh.getScale()).toBe(4);
    fresh.update(32);
    expect(await fresh.getScale()).toBe(32);
    expect(() => fresh.loadStateDict({})).toThrow('GradScaler.loadStateDict: expected the state of an enabled scaler');
  });

  it('does nothing but step where it is not enabled', async () => {
    const p = parameter([1]);
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler({ enabled: false });
    pullScaled(scaler, p, [Infinity]);
    scaler.unscale_(optimizer);
    scaler.step(optimizer);
    scaler.update();
    expect(await dataOf(p)).toEqual([-Infinity]);
    expect([await scaler.getScale(), scaler.stateDict(), scaler.isEnabled()]).toEqual([1, {}, false]);
  });

  it('says what is out of order', () => {
    const p = parameter([1]);
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler();
    expect(() => scaler.update()).toThrow('GradScaler.update: expected a step()');
    expect(() => scaler.step(optimizer)).toThrow('call it after backward()');
    pullScaled(scaler, p, [1]);
    scaler.unscale_(optimizer);
    expect(() => scaler.unscale_(optimizer)).toThrow('the gradients were unscaled');
    scaler.step(optimizer);
    expect(() => scaler.step(optimizer)).toThrow('expected update() between two steps');
    expect(() => scaler.unscale_(optimizer)).toThrow('got one after it');
    const narrow = tensor([1], { dtype: 'float16', requiresGrad: true });
    narrow.sum().backward();
    expect(() => new GradScaler().unscale_(new SGD([narrow], { lr: 1 }))).toThrow('gradients of float32 parameters');
    expect(() => new GradScaler({ growthFactor: 1 })).toThrow('growthFactor above 1');
    expect(() => new GradScaler({ backoffFactor: 1 })).toThrow('backoffFactor below 1');
  });
});
