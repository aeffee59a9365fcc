/**
 * The same training, `train.ts` to the byte, on CUDA and on the CPU: the same weights at the start, the same losses and accuracy. CUDA is the driver stand-in
 * here, which executes the PTX that ships; skipped by name where it cannot be built.
 */
import { describe, expect, it } from 'vitest';
import { CannotBuild } from '../../../packages/device-cuda/scripts/build-addon.mjs';
import { cudaStandin } from '../../../packages/device-cuda/standin/open.js';
import { NodeRun } from '../browser/node-run.js';
import type { Settings } from '../train.js';
import { fewDigits } from './few-digits.js';

const settings: Settings = { seed: 0, hidden: [32], batchSize: 50, epochs: [2, 1], lr: [0.3, 0.1] };
/** Of losses, relative: devices round in different orders. */
const lossTolerance = 1e-3;
/** One image of the 132 that are held back. */
const accuracyTolerance = 0.008;

const opened = await cudaStandin().catch((error: Error) => {
  if (error instanceof CannotBuild) return error.message;
  throw error;
});
const missing = typeof opened === 'string' ? ` (skipped: ${opened})` : '';

describe.skipIf(missing !== '')(`the tutorial on CUDA's driver stand-in${missing}`, () => {
  it('begins with the weights of the CPU to the bit, and has its losses and accuracy', async () => {
    if (typeof opened === 'string') throw new Error(opened);
    const digits = await fewDigits();
    const onCuda = await NodeRun.train(settings, opened, digits);
    const onCpu = await NodeRun.train(settings, undefined, digits);
    expect(Buffer.from(onCuda.initialWeights).equals(onCpu.initialWeights)).toBe(true);
    const apart = onCpu.losses.map((loss, step) => Math.abs((onCuda.losses[step] ?? 0) / loss - 1));
    expect(apart).toHaveLength(33);
    expect(Math.max(...apart)).toBeLessThanOrEqual(lossTolerance);
    expect(onCuda.losses.at(-1)).toBeLessThan((onCuda.losses[0] as number) * 0.75);
    expect(Math.abs(onCuda.accuracy - onCpu.accuracy)).toBeLessThanOrEqual(accuracyTolerance);
    onCuda.close();
    onCpu.close();
  });
});
