/** The umbrella: what it gathers, and the one thing that importing it does. */
import * as data from '@torchlet/data';
import * as nn from '@torchlet/nn';
import * as optim from '@torchlet/optim';
import * as tensors from '@torchlet/tensor';
import * as train from '@torchlet/train';
import { describe, expect, it } from 'vitest';
import * as torchlet from '../src/index.js';

const gathered: Readonly<Record<string, Readonly<Record<string, unknown>>>> = { data, nn, optim, tensors, train };
/** Words of two packages: the one that stands here does not keep its plain name. */
const givenWay: Readonly<Record<string, readonly string[]>> = { nn: ['normalize'], tensors: ['evaluate'] };
const here: Readonly<Record<string, unknown>> = torchlet;

describe('the umbrella', () => {
  it.each(Object.keys(gathered))('has every export of %s, the same object', (name) => {
    for (const [word, value] of Object.entries(gathered[name] ?? {})) {
      if (givenWay[name]?.includes(word)) continue;
      expect(here[word] === value, `${name}.${word}`).toBe(true);
    }
  });

  it('keeps `evaluate` for a model over a loader; tensors are evaluated by `eval_`', () => {
    expect(torchlet.evaluate).toBe(train.evaluate);
    expect(torchlet.eval_).toBe(tensors.evaluate);
  });

  it('keeps `normalize` for images', () => {
    expect(torchlet.normalize).toBe(data.normalize);
  });

  it('computes on the CPU without a word about devices', async () => {
    const x = torchlet.tensor([1, 2, 3], { dtype: 'float32' });
    expect(await x.mul(2).sum().item()).toBe(12);
    expect(x.device?.name).toMatch(/^cpu/);
  });

  it('finds the CPU where no other plug-in is installed', async () => {
    const device = await torchlet.getDefaultDevice();
    expect(device.name).toMatch(/^cpu/);
    device.dispose();
  });
});
