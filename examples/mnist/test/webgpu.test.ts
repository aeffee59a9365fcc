/** The same training on WebGPU in Node and on the CPU: the same weights at the start, the same losses and accuracy. Skipped by name where there is no adapter. */
import { webgpu } from '@torchlet/device-webgpu';
import { describe, expect, it } from 'vitest';
import { NodeRun } from '../browser/node-run.js';
import type { Settings } from '../train.js';

const settings: Settings = { seed: 0, hidden: [32], batchSize: 100, epochs: [1, 1], lr: [0.5, 0.1] };
/** Of losses, relative: devices round in different orders. */
const lossTolerance = 1e-3;
/** Half a point. */
const accuracyTolerance = 0.005;

const opened = await webgpu().catch((error: Error) => error.message);
const missing = typeof opened === 'string' ? ` (skipped: ${opened})` : '';

describe.skipIf(missing !== '')(`the tutorial on WebGPU${missing}`, () => {
  it('begins with the weights of the CPU to the bit, and has its losses and accuracy', {
    timeout: 120_000,
  }, async () => {
    if (typeof opened === 'string') throw new Error(opened);
    const onGpu = await NodeRun.train(settings, opened);
    const onCpu = await NodeRun.train(settings);
    expect(Buffer.from(onGpu.initialWeights).equals(onCpu.initialWeights)).toBe(true);
    const apart = onCpu.losses.slice(0, 100).map((loss, step) => Math.abs((onGpu.losses[step] ?? 0) / loss - 1));
    expect(apart).toHaveLength(100);
    expect(Math.max(...apart)).toBeLessThanOrEqual(lossTolerance);
    expect(Math.abs(onGpu.accuracy - onCpu.accuracy)).toBeLessThanOrEqual(accuracyTolerance);
    onGpu.close();
    onCpu.close();
  });
});
