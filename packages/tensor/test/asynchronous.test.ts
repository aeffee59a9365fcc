/** The runtime on a device whose work completes later and whose memory the host cannot address, as GPUs are. */
import { cpu } from '@torchlet/device-cpu';
import { type Compiled, type Device, DeviceError, type Ticket } from '@torchlet/device';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  noGrad,
  runForward,
  StaleValueError,
  setDefaultDevice,
  settle,
  stack,
  type Tensor,
  tensor,
} from '../src/index.js';

/** What a test does to a device that otherwise is the CPU. */
interface Later {
  readonly device: Device;
  /** Reads that were asked for. */
  reads: number;
  /** The error of the next run, told by its ticket. */
  failNext: Error | null;
  /** Lets runs complete. */
  finish(): void;
  /** Whether tickets wait for `finish`. */
  held: boolean;
}

async function openLater(): Promise<Later> {
  const inner = await cpu({ readNow: false, limits: { alignment: 256 } });
  const waiting: (() => void)[] = [];
  const later: Later = {
    device: new Proxy(inner, {
      get(target, key) {
        if (key === 'readNow') return undefined;
        if (key === 'run') return run;
        if (key === 'read') return read;
        const value = target[key as keyof Device] as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
    reads: 0,
    failNext: null,
    held: false,
    finish: () => {
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
  const read: Device['read'] = async (span, dtype, size) => {
    later.reads++;
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    return inner.read(span, dtype, size);
  };
  const run = (compiled: Compiled, bindings: Parameters<Device['run']>[1]): Ticket => {
    const error = later.failNext;
    later.failNext = null;
    if (error === null) inner.run(compiled, bindings);
    const done = new Promise<void>((resolve, reject) => {
      const settleRun = (): void => (error === null ? resolve() : reject(error));
      if (later.held) waiting.push(settleRun);
      else queueMicrotask(settleRun);
    });
    return { done };
  };
  return later;
}

let later: Later;

beforeEach(async () => {
  later = await openLater();
  setDefaultDevice(later.device);
});

const x = (value: number): Tensor => tensor([value], { dtype: 'float32' });

describe('small values', () => {
  it('move to the host by whole pages, of each dtype once, and stay right', async () => {
    const floats = Array.from({ length: 300 }, (_, i) => x(i).add(1));
    const integers = Array.from({ length: 300 }, (_, i) => tensor([i], { dtype: 'int64' }).add(1));
    await integers[299]?.item();
    const { reads } = later;
    expect(reads).toBeLessThan(12);
    expect(
      await Promise.all([floats[0], floats[299], integers[0], integers[299]].map((value) => value?.item())),
    ).toEqual([1, 300, 1, 300]);
  });

  it('leave no more behind on the device than two spare pages, however many a loop makes', async () => {
    await x(0).add(1).item();
    const { allocated } = later.device.memory();
    const kept: Tensor[] = [];
    for (let i = 0; i < 2000; i++) {
      const value = x(i).mul(2);
      kept.push(value);
      if (i % 100 === 99) await value.item();
    }
    await settle();
    expect(later.device.memory().allocated - allocated).toBeLessThanOrEqual(2 * 65536);
    expect(await stack(kept).sum().item()).toBe(1999 * 2000);
  });

  it('are flat from the first page on', async () => {
    await x(0).mul(2).item();
    const { allocated, buffers } = later.device.memory();
    for (let i = 0; i < 600; i++) {
      x(i).mul(2);
      await settle();
    }
    expect(later.device.memory()).toMatchObject({ allocated, buffers });
  });
});

describe('a run that fails after its call returned', () => {
  it('is told by the next read, once, and its values are void', async () => {
    const good = x(1).add(1);
    await good.item();
    const bad = x(1).add(2);
    later.failNext = new DeviceError('the kernel failed', { device: 'later', program: 'p', kernel: 'k' });
    await expect(bad.item()).rejects.toThrow('the kernel failed');
    await expect(bad.item()).rejects.toThrow(StaleValueError);
    await expect(bad.item()).rejects.toThrow(/program that should have computed it failed \(the kernel failed\)/);
    expect(await good.item()).toBe(2);
    expect(await x(1).add(3).item()).toBe(4);
  });

  it('is told by the next evaluation where nothing is read, and marks what it wrote', async () => {
    const weight = tensor(new Float32Array(100), { requiresGrad: true });
    weight.store();
    later.failNext = new DeviceError('lost on the way', { device: 'later' });
    noGrad(() => weight.add_(1));
    const failing = settle();
    await expect(failing.then(() => settle())).rejects.toThrow('lost on the way');
    await expect(weight.data()).rejects.toThrow(/lost on the way/);
  });
});

describe('a loop', () => {
  it('waits while four programs are in flight', async () => {
    later.held = true;
    for (let i = 0; i < 4; i++) {
      x(i).add(i);
      if (i < 3) await settle();
    }
    let waited = false;
    const fourth = settle().then(() => {
      waited = true;
    });
    await new Promise<void>((resolve) => setTimeout(resolve, 5));
    expect(waited).toBe(false);
    later.finish();
    await fourth;
    expect(waited).toBe(true);
  });

  it('that never waits is told so, once', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    later.held = true;
    const weight = tensor(new Float32Array(8), { requiresGrad: true });
    for (let i = 0; i < 1100; i++) {
      // A root module's forward evaluates what is pending.
      runForward({}, true, () => x(0));
      noGrad(() => weight.add_(1));
    }
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toMatch(/1024 programs are in flight.*neither reads/);
    later.finish();
    warn.mockRestore();
  });
});
