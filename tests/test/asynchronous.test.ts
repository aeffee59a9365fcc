/** Tensors on devices that are read asynchronously: what is read when, what writes, disposal and faults do to it, and several devices at once. */
import { type Device, DeviceError, type DType, OutOfMemoryError } from '@torchlet/device';
import { cpu } from '@torchlet/device-cpu';
import { webgpu } from '@torchlet/device-webgpu';
import { Linear } from '@torchlet/nn';
import { SGD } from '@torchlet/optim';
import {
  deviceStats,
  noGrad,
  StaleValueError,
  setDefaultDevice,
  settle,
  stack,
  type Tensor,
  tensor,
} from '@torchlet/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runtimeOf } from '../../packages/tensor/src/runtime/devices.js';
import type { Storage } from '../../packages/tensor/src/runtime/storage.js';
import { noAdapter } from '../adapter.js';

interface OpenOptions {
  readonly memoryBytes?: number;
}

const devices: readonly {
  readonly name: string;
  readonly why: string | null;
  open(options?: OpenOptions): Promise<Device>;
}[] = [
  { name: 'the CPU, read asynchronously', why: null, open: (options) => cpu({ ...options, readNow: false }) },
  { name: 'WebGPU', why: noAdapter, open: (options) => webgpu(options) },
];

/** Large enough for memory of its own, and small enough to be read with its page. */
const sizes = { large: 1000, small: 4 } as const;

const filled = (size: number, value: number): Tensor => tensor(new Float32Array(size).fill(value));
const firstOf = async (x: Tensor): Promise<number> => (await x.data())[0] as number;

for (const { name, why, open } of devices) {
  describe.skipIf(why !== null)(why === null ? name : `${name} (skipped: ${why})`, () => {
    let device: Device;

    beforeEach(async () => {
      device = await open();
      setDefaultDevice(device);
    });

    afterEach(() => {
      device.dispose();
    });

    describe.each(Object.entries(sizes))('%s values', (_, size) => {
      it('are read as they were when the read was asked for, whatever is written after it', async () => {
        const x = filled(size, 1).to(device).store();
        const reads = [firstOf(x)];
        for (let i = 0; i < 3; i++) {
          x.mul_(2);
          reads.push(firstOf(x));
          x.add_(1);
          reads.push(firstOf(x));
        }
        expect(await Promise.all(reads)).toEqual([1, 2, 3, 6, 7, 14, 15]);
      });

      it('are read so too where no device is named', async () => {
        const x = filled(size, 1);
        const before = firstOf(x);
        x.add_(1);
        const between = firstOf(x);
        x.mul_(10);
        expect(await Promise.all([before, between, firstOf(x)])).toEqual([1, 2, 20]);
      });

      it('recorded before a write in place are computed from the value before it', async () => {
        const x = filled(size, 3).to(device).store();
        const doubled = x.mul(2);
        x.add_(1);
        const tripled = x.mul(3);
        x.zero_();
        expect(await Promise.all([tripled, doubled, x].map(firstOf))).toEqual([12, 6, 0]);
      });

      it('written between submissions reach the views of them', async () => {
        const x = filled(size, 1).to(device).store();
        const half = x.narrow(0, size / 2, size / 2);
        await settle();
        half.add_(5);
        await settle();
        x.mul_(2);
        const [whole, part] = await Promise.all([x.data(), half.data()]);
        expect([whole[0], whole[size - 1], part[0]]).toEqual([2, 12, 12]);
      });

      it('of which some are dropped and disposed of while work is under way leave the others right', async () => {
        const kept: Tensor[] = [];
        const reads: Promise<number>[] = [];
        for (let i = 0; i < 20; i++) {
          const x = filled(size, i).add(1);
          const y = x.mul(2);
          reads.push(firstOf(x), firstOf(y));
          x.dispose();
          if (i % 2 === 0) y.dispose();
          else kept.push(y);
        }
        expect(await Promise.all(reads)).toEqual(Array.from({ length: 20 }, (_value, i) => [i + 1, 2 * i + 2]).flat());
        expect(await Promise.all(kept.map(firstOf))).toEqual(kept.map((_value, i) => 4 * i + 4));
      });
    });

    it('reads under way when the device is disposed of are told, and nothing after it hangs', async () => {
      const x = filled(1000, 1).mul(3);
      const reading = x.data();
      device.dispose();
      const ended = await reading.then(
        (values) => values[0],
        (error: unknown) => error,
      );
      if (ended !== 3) expect((ended as Error).message).toMatch(/disposed/);
      await expect(x.data()).rejects.toThrow(/disposed/);
      await expect(filled(4, 1).add(1).item()).rejects.toThrow(
        /the default device \S+ is gone \(.*disposed\).*Open a new device/,
      );
    });

    it('what a step has computed is read with its weights; two steps later it refuses', async () => {
      const net = new Linear(8, 300).to(device);
      const optimizer = new SGD(net.parameters(), { lr: 0.1 });
      const results: Tensor[] = [];
      const reads: Promise<number>[] = [];
      for (let i = 0; i < 4; i++) {
        const y = net.forward(tensor(new Float32Array(16).fill(i + 1), { shape: [2, 8] }));
        y.square().mean().backward();
        optimizer.step();
        optimizer.zeroGrad();
        results.push(y);
        reads.push(firstOf(y.flatten()));
      }
      const values = await Promise.all(reads);
      expect(await firstOf((results[3] as Tensor).flatten())).toBe(values[3]);
      await expect(results[0]?.data()).rejects.toThrow(StaleValueError);
      await expect(results[1]?.data()).rejects.toThrow(/result of evaluation \d+ of Linear.*keep\(\)/s);
    });

    it.each([
      ['is recorded', 'now'],
      ['has run', 'before'],
    ] as const)('a graph refuses where its gradient needs a leaf whose write in place %s', async (_, ran) => {
      const w = filled(1000, 2).to(device).requiresGrad_();
      const loss = w.square().sum();
      await loss.item();
      noGrad(() => w.add_(1));
      if (ran === 'before') expect(await firstOf(w)).toBe(3);
      expect(() => loss.backward()).toThrow(/the gradient of \w+ needs was changed in place by add_; .*clone\(\)/);
      expect(await firstOf(w)).toBe(3);
    });

    it('a gradient that needs no value of a leaf reaches it through writes in place, once', async () => {
      const w = filled(1000, 2).to(device).requiresGrad_();
      for (let step = 0; step < 3; step++) {
        const loss = w.mul(3).sum();
        await loss.item();
        noGrad(() => w.narrow(0, 0, 500).add_(1));
        if (step > 1) await w.data();
        loss.backward();
        w.mul(5).sum().backward();
        const grad = await w.grad?.data();
        expect([grad?.[0], grad?.[999]]).toEqual([8, 8]);
        w.grad = null;
      }
    });

    it('the first operation of a device is recorded like any other, however many were before it elsewhere', async () => {
      for (let i = 0; i < 20_000; i++) tensor([i]);
      const other = await open();
      const x = filled(4, 1).to(other).add(1);
      expect(deviceStats(other).programsRun).toBe(0);
      expect(await firstOf(x.mul(2))).toBe(4);
      expect(deviceStats(other).programsRun).toBe(1);
      other.dispose();
    });

    it('held values past the budget move to the host, the oldest first, and stay right', async () => {
      const { memory } = runtimeOf(device);
      const bytes = 4 * sizes.large;
      memory.heldBudget = 5 * 4096;
      const held: Tensor[] = [];
      for (let i = 0; i < 20; i++) {
        const x = filled(sizes.large, i).mul(2);
        held.push(x);
        await firstOf(x);
      }
      await settle();
      const onHost = held.map((x) => (x.node.source as Storage).span === null);
      expect(onHost.indexOf(false)).toBeGreaterThan(10);
      expect(onHost.slice(onHost.indexOf(false))).not.toContain(true);
      expect(onHost.filter((moved) => !moved).length * bytes).toBeLessThanOrEqual(memory.heldBudget);
      expect(await Promise.all(held.map(firstOf))).toEqual(held.map((_, i) => 2 * i));
      expect(await firstOf(stack(held).sum(0))).toBe(380);
    });

    it('a value written while it moves to the host keeps what was written', async () => {
      const { memory } = runtimeOf(device);
      memory.heldBudget = 0;
      const x = filled(sizes.large, 1).mul(1);
      const reading = firstOf(x);
      x.add_(41);
      expect([await reading, await firstOf(x)]).toEqual([1, 42]);
      await settle();
      expect(await firstOf(x)).toBe(42);
    });

    it('out of memory is told where it happens; what was there before stays right', async () => {
      const small = await open({ memoryBytes: 8 * 1024 * 1024 });
      setDefaultDevice(small);
      const x = filled(sizes.large, 5).mul(2);
      expect(await firstOf(x)).toBe(10);
      const held: Tensor[] = [];
      const fill = async () => {
        for (let i = 0; i < 20; i++) {
          held.push(
            filled(128 * 1024, i)
              .add(1)
              .keep(),
          );
          await firstOf(held.at(-1) as Tensor);
        }
      };
      await expect(fill()).rejects.toThrow(OutOfMemoryError);
      expect(held.length).toBeGreaterThan(1);
      await expect(fill()).rejects.toThrow(/out of memory: \d+ bytes were asked for.* of 8388608 bytes are in use/);
      expect(await firstOf(held[0] as Tensor)).toBe(1);
      expect(await firstOf(x.add(1))).toBe(11);
      small.dispose();
    });

    it('several devices work side by side, and refuse to be mixed', async () => {
      const [second, third] = [await open(), await cpu({ name: 'cpu:1' })];
      const all = [device, second, third];
      const states = all.map((one, i) =>
        filled(sizes.large, i + 1)
          .to(one)
          .store(),
      );
      for (let step = 0; step < 3; step++) for (const state of states) state.mul_(2).add_(1);
      expect(await Promise.all(states.map(firstOf))).toEqual([15, 23, 31]);
      const [a, b, c] = states as [Tensor, Tensor, Tensor];
      expect(() => a.add(c)).toThrow(new RegExp(`one device, got ${device.name} and cpu:1`));
      expect(() => a.add(b)).toThrow(/one device/);
      second.dispose();
      await expect(b.data()).rejects.toThrow(DeviceError);
      expect(await Promise.all([firstOf(a.add(1)), firstOf(c.add(1))])).toEqual([16, 32]);
      third.dispose();
    });

    it('tensors move from the CPU and back, of every dtype, with their values', async () => {
      const host = await cpu({ name: 'host' });
      const dtypes: readonly DType[] = [
        'float32',
        'float16',
        'bfloat16',
        'int64',
        'int32',
        'int16',
        'int8',
        'uint8',
        'bool',
      ];
      for (const dtype of dtypes) {
        const values = dtype === 'bool' || dtype === 'uint8' ? [0, 1, 1, 0] : [0, 1, -2, 100];
        const there = tensor(values, { dtype }).to(host).store().to(device);
        const twice = there.add(there);
        const back = tensor((await twice.array()) as number[], { dtype }).to(host);
        const expected =
          dtype === 'bool'
            ? [false, true, true, false]
            : values.map((value) => (dtype === 'int8' ? ((2 * value) << 24) >> 24 : 2 * value));
        expect([dtype, await back.array()]).toEqual([dtype, expected]);
        expect(back.device).toBe(host);
      }
      host.dispose();
    });

    it('a value that must be awaited says how, where it is asked to move at once', async () => {
      const host = await cpu({ name: 'host' });
      const x = filled(sizes.large, 1).to(device).store().mul(2);
      await x.evaluated();
      expect(() => x.to(host)).toThrow(/values must be awaited here: use tensor\(await x\.data\(\)/);
      const moved = tensor(await x.data(), { device: host });
      expect(await firstOf(moved.add(1))).toBe(3);
      host.dispose();
    });

    it('parameters move with their module, and train on', async () => {
      const host = await cpu({ name: 'host' });
      const net = new Linear(4, 2).to(host);
      const before = await net.weight.data();
      net.to(device);
      expect(await net.weight.data()).toEqual(before);
      const optimizer = new SGD(net.parameters(), { lr: 1 });
      net.forward(filled(4, 1)).sum().backward();
      optimizer.step();
      expect((await net.weight.data())[0]).toBeCloseTo((before[0] as number) - 1, 6);
      host.dispose();
    });
  });
}

describe.skipIf(noAdapter !== null)('WebGPU beside the CPU', () => {
  it('what it cannot hold is refused by name, when it is uploaded or recorded', async () => {
    const device = await webgpu();
    setDefaultDevice(device);
    const wide = tensor(BigInt64Array.of(2n ** 40n)).to(device);
    await expect(wide.add(1).data()).rejects.toThrow(/int64 is 1099511627776.*32 bits.*or the cpu device/);
    const double = tensor(new Float64Array([1, 2])).to(device);
    await expect(double.add(1).data()).rejects.toThrow(/webgpu does not support float64; it supports float32/);
    expect(await tensor([1, 2]).add(1).array()).toEqual([2, 3]);
    device.dispose();
  });
});
