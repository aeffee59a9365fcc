/** Checkpoints: training that is saved and goes on is the training that was not interrupted. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpu } from '@torchlet/device-cpu';
import { Linear, mseLoss, type StateDict } from '@torchlet/nn';
import { Adam, type OptimizerState, ReduceLROnPlateau } from '@torchlet/optim';
import { manualSeed, setDefaultDevice, tensor } from '@torchlet/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromCheckpoint, toCheckpoint, toSafetensors } from '../src/index.js';
import { loadCheckpoint, saveCheckpoint } from '../src/index.node.js';

let folder = '';
beforeAll(async () => {
  setDefaultDevice(await cpu());
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Saved {
  readonly model: StateDict;
  readonly optimizer: OptimizerState;
  readonly schedule: ReturnType<ReduceLROnPlateau['stateDict']>;
  readonly epoch: number;
}

function training() {
  manualSeed(0);
  const model = new Linear(2, 1);
  const optimizer = new Adam(model.parameters(), { lr: 0.1 });
  const schedule = new ReduceLROnPlateau(optimizer, { patience: 0 });
  const inputs = tensor(
    [
      [0, 1],
      [2, 3],
      [4, 4],
    ],
    { dtype: 'float32' },
  );
  const targets = tensor([[1], [2], [0]], { dtype: 'float32' });
  const step = (): void => {
    const loss = mseLoss(model.forward(inputs), targets);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  };
  return { model, optimizer, schedule, step };
}

describe('checkpoints', () => {
  test('carry on what was interrupted, to the bit', async () => {
    const path = join(folder, 'last.safetensors');
    const one = training();
    for (let i = 0; i < 3; i++) one.step();
    const { model, optimizer, schedule } = one;
    await saveCheckpoint(path, {
      model: model.stateDict(),
      optimizer: optimizer.stateDict(),
      schedule: schedule.stateDict(),
      epoch: 3,
    });
    for (let i = 0; i < 3; i++) one.step();

    const other = training();
    const saved = await loadCheckpoint<Saved>(path);
    expect(saved.epoch).toBe(3);
    other.model.loadStateDict(saved.model);
    other.optimizer.loadStateDict(saved.optimizer);
    other.schedule.loadStateDict(saved.schedule);
    expect(other.schedule.stateDict()).toEqual(schedule.stateDict());
    for (let i = 0; i < 3; i++) other.step();
    expect(await other.model.weight.array()).toEqual(await model.weight.array());
  });

  test('hold tensors of any dtype, and plain values at any depth', async () => {
    const state = {
      best: Infinity,
      none: null,
      list: [1, 'two', { three: tensor([3n]) }],
      half: tensor([0.5], { dtype: 'float16' }),
    };
    const back = fromCheckpoint<typeof state>(await toCheckpoint(state));
    expect([back.best, back.none, back.list.slice(0, 2)]).toEqual([Infinity, null, [1, 'two']]);
    expect(back.half.dtype).toBe('float16');
    expect(await (back.list[2] as { three: typeof state.half }).three.array()).toEqual([3]);
  });

  test('refuse what they cannot hold, and files that are none', async () => {
    await expect(toCheckpoint({ a: { model: new Linear(1, 1) } })).rejects.toThrow('got Linear at a/model; of a model');
    const weights = await toSafetensors({ x: tensor([1]) });
    expect(() => fromCheckpoint(weights, 'w.safetensors')).toThrow('w.safetensors: expected a checkpoint');
  });
});
