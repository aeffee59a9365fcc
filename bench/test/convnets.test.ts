/** The convolutional networks: their inputs, Torchlet's training of them on the CPU, and how steps are timed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cpu } from '@torchlet/device-cpu';
import { setDefaultDevice } from '@torchlet/tensor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { convnetBatches, WeightDraws } from '../children/convnet-inputs.js';
import { normalNumbers, readDigits } from '../children/input-files.js';
import { type Batch, type DigitFiles, Digits } from '../children/shared-inputs.js';
import { timeSteps } from '../children/timing.js';
import { torchletConvnet, torchletNetwork } from '../children/torchlet-convnets.js';
import { sharedInputs } from '../data.js';
import { workloads } from '../workloads.js';

const folder = mkdtempSync(path.join(tmpdir(), 'torchlet-bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

const [mnistCnn, residual] = workloads.cnn.cases;
let digits: DigitFiles;
let normals: Float32Array;

beforeAll(async () => {
  sharedInputs(undefined, folder);
  digits = readDigits(folder);
  normals = normalNumbers(folder);
  setDefaultDevice(await cpu());
}, 60_000);

test('batches are the digits of the first epoch, which begins again, or the last normal numbers', () => {
  const digitBatch = convnetBatches(mnistCnn.work, digits, normals);
  const { images, labels } = new Digits(digits, 8000).batch(0, 3, 32);
  expect(digitBatch(3)).toEqual({ images, labels });
  expect(digitBatch(253)).toEqual({ images, labels });
  expect(digitBatch(4).images).not.toEqual(images);
  const noise = convnetBatches(residual.work, digits, normals)(5);
  expect(noise.images).toEqual(normals.subarray(-32 * 3 * 32 * 32));
  expect([...noise.labels.subarray(8, 12)]).toEqual([8, 9, 0, 1]);
});

test('weights are drawn in the order of the network and scaled by the inputs of an output', async () => {
  const draws = new WeightDraws(normals);
  const filters = draws.weight([32, 3, 3, 3]);
  expect(filters).toHaveLength(864);
  expect(filters[863]).toBeCloseTo((normals[863] ?? 0) / Math.sqrt(27), 6);
  const state = torchletNetwork('residual', normals).stateDict();
  expect(await state['conv1.weight']?.data()).toEqual(filters);
  expect(await state['conv2.weight']?.data()).toEqual(draws.weight([32, 32, 3, 3]));
  expect(await state['norm1.weight']?.data()).toEqual(new Float32Array(32).fill(1));
  expect(await state['out.bias']?.data()).toEqual(new Float32Array(10));
});

// The losses that PyTorch 1.13 ends at.
test.for([
  { ...mnistCnn, expected: 1.660496 },
  { ...residual, expected: 2.313951 },
])('Torchlet ends $name where PyTorch does', async ({ work, trainingTolerance, expected }) => {
  const batch = convnetBatches(work, digits, normals);
  const trainer = torchletConvnet(normals, work);
  let loss = Number.NaN;
  for (let index = 0; index < work.comparedSteps; index++) {
    trainer.step(batch(index));
    loss = await trainer.readLoss();
  }
  expect(Math.abs(loss - expected)).toBeLessThan(trainingTolerance.loss);
});

test('the loss is that of the last compared step of a fresh trainer, and steps go on for the budget', async () => {
  const asked: number[] = [];
  const batch = (index: number): Batch => {
    asked.push(index);
    return { images: new Float32Array(0), labels: new Uint8Array(0) };
  };
  let trainers = 0;
  const makeTrainer = () => {
    let steps = 0;
    trainers++;
    return {
      step: () => {
        steps++;
      },
      readLoss: async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        return steps;
      },
    };
  };
  const work = { ...mnistCnn.work, warmSteps: 2, comparedSteps: 4 };
  const brief = await timeSteps(batch, work, makeTrainer, 0);
  expect(brief).toMatchObject({ loss: 4 });
  expect(brief.samples).toHaveLength(2);
  expect(Math.min(...brief.samples)).toBeGreaterThan(4);
  expect(asked.slice(-4)).toEqual([0, 1, 2, 3]);
  const longer = await timeSteps(batch, work, makeTrainer, 200);
  expect(longer.loss).toBe(4);
  expect(longer.samples.length).toBeGreaterThan(5);
  expect(trainers).toBe(4);
});
