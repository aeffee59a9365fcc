/**
 * Weights saved and loaded: every dtype, files that appear whole or not at all, and refusals.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSafetensors } from '@torchlet/data';
import { cpu } from '@torchlet/device-cpu';
import { Linear } from '@torchlet/nn';
import { type Device, setDefaultDevice, tensor } from '@torchlet/tensor';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fromSafetensors, toSafetensors } from '../src/index.js';
import { loadSafetensors, saveSafetensors } from '../src/index.node.js';

let device: Device;
let folder: string;

beforeAll(async () => {
  device = await cpu();
  setDefaultDevice(device);
});

afterAll(() => device.dispose());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torchlet-weights-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('safetensors of tensors', () => {
  it('hold every dtype to the bit', async () => {
    const state = {
      'f32.weight': tensor(Float32Array.of(1.5, -0, Number.NaN), { shape: [3, 1] }),
      f64: tensor(Float64Array.of(Math.PI)),
      f16: tensor([1.5, -0.099976, 65504, Number.NEGATIVE_INFINITY], { dtype: 'float16' }),
      bf16: tensor([1.5, -0.1, 3e38], { dtype: 'bfloat16' }),
      i64: tensor(BigInt64Array.of(2n ** 62n, -1n)),
      i32: tensor(Int32Array.of(-7)),
      i16: tensor(Int16Array.of(-7)),
      i8: tensor(Int8Array.of(-7)),
      u8: tensor(Uint8Array.of(200)),
      bool: tensor([true, false]),
    };
    const { tensors, metadata } = fromSafetensors(await toSafetensors(state, { epoch: '3' }));
    expect(metadata).toEqual({ epoch: '3' });
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(state).sort());
    for (const [name, { dtype, shape }] of Object.entries(state)) {
      expect([name, tensors[name]?.dtype, tensors[name]?.shape]).toEqual([name, dtype, shape]);
      expect(await tensors[name]?.data()).toEqual(await state[name as keyof typeof state].data());
    }
  });

  it('hold halves by the bits that IEEE and PyTorch give them', async () => {
    const bytes = await toSafetensors({
      f16: tensor([1, -2, 65504], { dtype: 'float16' }),
      bf16: tensor([1, -2], { dtype: 'bfloat16' }),
    });
    const { tensors } = parseSafetensors(bytes);
    expect(tensors.get('f16')?.data).toEqual(Uint16Array.of(0x3c00, 0xc000, 0x7bff));
    expect(tensors.get('bf16')?.data).toEqual(Uint16Array.of(0x3f80, 0xc000));
  });
});

describe('saveSafetensors and loadSafetensors', () => {
  it('make another model the same', async () => {
    const path = join(folder, 'linear.safetensors');
    const [first, second] = [new Linear(3, 2), new Linear(3, 2)];
    await saveSafetensors(path, first.stateDict(), { note: 'first' });
    const { tensors, metadata } = await loadSafetensors(path);
    second.loadStateDict(tensors);
    expect(metadata).toEqual({ note: 'first' });
    expect(await second.weight.array()).toEqual(await first.weight.array());
    expect(await second.bias?.array()).toEqual(await first.bias?.array());
    expect(await readdir(folder)).toEqual(['linear.safetensors']);
  });

  it('refuse a damaged file by its path, and leave an old file as it is where writing fails', async () => {
    const path = join(folder, 'linear.safetensors');
    const { weight } = new Linear(3, 2);
    await saveSafetensors(path, { weight });
    const whole = await readFile(path);
    await expect(saveSafetensors(path, { __metadata__: weight })).rejects.toThrow(/reserved/);
    expect((await readFile(path)).equals(whole)).toBe(true);
    await writeFile(path, whole.subarray(0, whole.length - 1));
    await expect(loadSafetensors(path)).rejects.toThrow(/linear\.safetensors: truncated/);
    expect(await readdir(folder)).toEqual(['linear.safetensors']);
  });
});
