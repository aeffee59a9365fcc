/**
 * The tutorial itself, on a few of the sample digits: what it prints, and that a seed decides everything.
 */
import type { ImageDataset } from '@torchlet/data';
import { cpu } from '@torchlet/device-cpu';
import { type Device, setDefaultDevice } from '@torchlet/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Settings, train } from '../train.js';
import { fewDigits } from './few-digits.js';

let device: Device;
let digits: ImageDataset;

beforeAll(async () => {
  device = await cpu();
  setDefaultDevice(device);
  digits = await fewDigits();
}, 60_000);

afterAll(() => device.dispose());

const settings: Settings = { seed: 1, hidden: [12], batchSize: 32, epochs: [3, 2], lr: [0.3, 0.1] };

async function run(changes: Partial<Settings> = {}) {
  const lines: string[] = [];
  const outcome = await train(digits, device, { ...settings, ...changes }, { print: (line) => lines.push(line) });
  const losses = outcome.history.map(({ trainLoss, validationLoss }) => [trainLoss, validationLoss]);
  return { outcome, lines, losses: [outcome.initial.loss, ...losses] };
}

describe('the tutorial', () => {
  it('learns, step by step', async () => {
    const { outcome, lines } = await run();
    expect([outcome.trainImages, outcome.validationImages]).toEqual([528, 132]);
    expect(outcome.initial.metric).toBeLessThan(0.35);
    expect(outcome.history.at(-1)?.validationMetric).toBeGreaterThan(0.6);
    expect(outcome.history.map(({ lr }) => lr)).toEqual([0.3, 0.3, 0.3, 0.1, 0.1]);
    const text = lines.join('\n');
    expect(text).toMatch(/^660 images of shape \[1, 28, 28\]/);
    expect(text).toContain('528 images to train with, 132 to validate with');
    expect(text).toMatch(
      /linear1\.weight +\[12, 784\]\nlinear1\.bias +\[12\]\nlinear2\.weight +\[10, 12\]\nlinear2\.bias +\[10\]/,
    );
    expect(text).toContain('a batch of shape [32, 1, 28, 28] on cpu');
    expect(text).toContain('its scores, of shape [32, 10], begin with\ntensor([[');
    expect(text).toMatch(/before training: validation loss \d\.\d{4}, accuracy \d+\.\d\d %/);
    expect(
      lines.filter((line) => /^epoch \d: validation loss \d\.\d{4}, accuracy \d+\.\d\d %$/.test(line)),
    ).toHaveLength(5);
  });

  it('gives the same for the same seed, to the bit, and other numbers for another', async () => {
    const { losses } = await run();
    expect((await run()).losses).toEqual(losses);
    expect((await run({ seed: 2 })).losses).not.toEqual(losses);
  });
});
