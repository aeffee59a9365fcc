/**
 * Datasets, collation and loaders, on the CPU device: what a batch holds, in which order, and where.
 */
import { cpu } from '@torchlet/device-cpu';
import { type Device, Generator, manualSeed, setDefaultDevice, type Tensor, tensor } from '@torchlet/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  collate,
  DataLoader,
  type Dataset,
  DeviceDataLoader,
  hostTensor,
  ImageDataset,
  RandomSampler,
  Subset,
  SubsetRandomSampler,
  TensorDataset,
  toDevice,
  toTensor,
} from '../src/index.js';

let device: Device;

beforeAll(async () => {
  device = await cpu();
  setDefaultDevice(device);
});

afterAll(() => device.dispose());

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Row i is [i, i + 0.5], and its target i * 10. */
function numbered(n: number): TensorDataset<readonly [Tensor, Tensor]> {
  const rows = tensor(
    upTo(n).map((i) => [i, i + 0.5]),
    { dtype: 'float32' },
  );
  return new TensorDataset(rows, tensor(upTo(n).map((i) => i * 10)));
}

/** Squares, one by one, some of them late. */
const squares: Dataset<{ readonly x: number; readonly square: number }> = {
  length: 5,
  get: (index) =>
    index % 2 === 0 ? Promise.resolve({ x: index, square: index ** 2 }) : { x: index, square: index ** 2 },
};

/** 4 images of one pixel with brightness 10 i and label i. */
const pixels = new ImageDataset(
  hostTensor(Uint8Array.of(0, 10, 20, 30), [4, 1, 1], 'uint8'),
  hostTensor(Uint8Array.of(0, 1, 2, 3), [4], 'uint8'),
  { transform: toTensor },
);

async function targets(loader: AsyncIterable<readonly [Tensor, Tensor]>): Promise<unknown[]> {
  const seen: unknown[] = [];
  for await (const [, labels] of loader) {
    seen.push(await labels.array());
  }
  return seen;
}

describe('TensorDataset', () => {
  it('gives rows one by one and batched', async () => {
    const dataset = numbered(6);
    const [row, target] = dataset.get(4);
    expect([await row.array(), await target.item()]).toEqual([[4, 4.5], 40]);
    const [rows, labels] = dataset.batch([5, 0, 5]);
    expect(await rows.array()).toEqual([
      [5, 5.5],
      [0, 0.5],
      [5, 5.5],
    ]);
    expect([await labels.array(), labels.dtype]).toEqual([[50, 0, 50], 'int64']);
  });

  it('refuses tensors that are not of one length, and indices outside', () => {
    expect(() => new TensorDataset(tensor([1, 2]), tensor([1]))).toThrow(/equal first dimensions, got \[2\], \[1\]/);
    expect(() => new TensorDataset(tensor(1))).toThrow(/got \[\]/);
    expect(() => new TensorDataset()).toThrow(/got none/);
    expect(() => numbered(3).get(3)).toThrow(/from 0 to 2, got 3/);
    expect(() => numbered(3).batch([-1])).toThrow(/from 0 to 2, got -1/);
  });
});

describe('Subset', () => {
  it('gives the chosen samples, batched where the whole is', async () => {
    const part = new Subset(numbered(6), [5, 3, 1]);
    expect(part.length).toBe(3);
    expect(await targets(new DataLoader(part, { batchSize: 2 }))).toEqual([[50, 30], [10]]);
    expect(new Subset(squares, [4]).batch).toBeUndefined();
    expect(await new Subset(squares, [4]).get(0)).toEqual({ x: 4, square: 16 });
    expect(() => new Subset(squares, [5])).toThrow(/Subset: expected an index from 0 to 4, got 5/);
    expect(() => part.get(3)).toThrow(RangeError);
  });
});

describe('collate', () => {
  it('keeps the form of a sample and adds a dimension', async () => {
    const { image, label, flags, name } = collate([
      { image: tensor([1, 2]), label: 3, flags: [true, 0.5], name: 'a' },
      { image: tensor([3, 4]), label: 4, flags: [false, 2], name: 'b' },
    ]);
    expect(await image.array()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect([label.dtype, await label.array()]).toEqual(['int64', [3, 4]]);
    const [truth, score] = flags as unknown as [Tensor, Tensor];
    expect([truth.dtype, await truth.array()]).toEqual(['bool', [true, false]]);
    expect([score.dtype, await score.array()]).toEqual(['float32', [0.5, 2]]);
    expect(name).toEqual(['a', 'b']);
    expect((await collate([2n ** 60n]).data())[0]).toBe(2n ** 60n);
  });

  it('refuses what cannot stand in one batch, and says why', () => {
    expect(() => collate([])).toThrow(/at least one sample/);
    expect(() => collate<unknown>([1, 'a'])).toThrow(/got number and string; pass a collate function/);
    expect(() => collate<unknown>([{ a: 1 }, { b: 1 }])).toThrow(/different entries: a and b/);
    expect(() => collate<unknown>([[1], [1, 2]])).toThrow(/different entries: 0 and 0,1/);
    expect(() => collate<unknown>([new Date()])).toThrow(/got Date/);
    expect(() => collate([tensor([1, 2]), tensor([1])])).toThrow(/\[2\].*\[1\]/);
  });
});

describe('DataLoader', () => {
  it('gives all samples in order, the last batch smaller or dropped', async () => {
    const whole = new DataLoader(numbered(5), { batchSize: 2 });
    expect(whole.length).toBe(3);
    expect(await targets(whole)).toEqual([[0, 10], [20, 30], [40]]);
    const full = new DataLoader(numbered(5), { batchSize: 2, dropLast: true });
    expect(full.length).toBe(2);
    expect(await targets(full)).toEqual([
      [0, 10],
      [20, 30],
    ]);
  });

  it('shuffles anew each pass, and the same for the same seed', async () => {
    const passes = async (generator: Generator) => {
      const loader = new DataLoader(numbered(20), { batchSize: 20, shuffle: true, generator });
      return [(await targets(loader)).flat(), (await targets(loader)).flat()] as number[][];
    };
    const [first, second] = await passes(new Generator(4));
    expect([...(first ?? [])].sort((a, b) => a - b)).toEqual(upTo(20).map((i) => i * 10));
    expect(second).not.toEqual(first);
    expect(await passes(new Generator(4))).toEqual([first, second]);
    manualSeed(9);
    const unnamed = await targets(new DataLoader(numbered(20), { shuffle: true }));
    manualSeed(9);
    expect(await targets(new DataLoader(numbered(20), { shuffle: true }))).toEqual(unnamed);
  });

  it('follows a sampler, and refuses one together with shuffle', async () => {
    const sampler = new SubsetRandomSampler([1, 3], { generator: new Generator(0) });
    const loader = new DataLoader(numbered(5), { batchSize: 10, sampler });
    expect(loader.length).toBe(1);
    expect(new Set((await targets(loader)).flat())).toEqual(new Set([10, 30]));
    const both = { sampler: new RandomSampler({ length: 5 }), shuffle: true };
    expect(() => new DataLoader(numbered(5), both)).toThrow(/shuffle must not be set/);
    expect(() => new DataLoader(numbered(5), { batchSize: 0 })).toThrow(/at least 1, got 0/);
  });

  it('awaits samples that come late, and collates them by the default or by the function given', async () => {
    const seen: unknown[] = [];
    for await (const { x, square } of new DataLoader(squares, { batchSize: 3 })) {
      seen.push([await x.array(), await square.array()]);
    }
    expect(seen).toEqual([
      [
        [0, 1, 2],
        [0, 1, 4],
      ],
      [
        [3, 4],
        [9, 16],
      ],
    ]);
    const sums = new DataLoader(pixels, { batchSize: 4, collate: (samples) => samples.map(([, label]) => label) });
    for await (const labels of sums) {
      expect(labels).toEqual([0, 1, 2, 3]);
    }
  });

  it('gives fresh memory: an earlier batch keeps its values', async () => {
    const batches: Tensor[] = [];
    for await (const [images] of new DataLoader(pixels, { batchSize: 2 })) {
      batches.push(images);
    }
    expect(await Promise.all(batches.map(async (images) => Array.from(await images.data(), Number)))).toEqual([
      [0, Math.fround(10 / 255)],
      [Math.fround(20 / 255), Math.fround(30 / 255)],
    ]);
  });

  it('passes on what a dataset throws', async () => {
    const broken: Dataset<number> = {
      length: 1,
      get: () => {
        throw new Error('unreadable');
      },
    };
    await expect(new DataLoader(broken)[Symbol.asyncIterator]().next()).rejects.toThrow('unreadable');
  });
});

describe('toDevice', () => {
  it('moves tensors wherever they are in arrays and objects, and leaves the rest', async () => {
    const moved = toDevice({ pair: [tensor([1]), 'text'], n: 3, none: null } as const, device);
    expect(moved.pair[0].device).toBe(device);
    expect([await moved.pair[0].array(), moved.pair[1], moved.n, moved.none]).toEqual([[1], 'text', 3, null]);
  });

  it('moves each batch of a loader', async () => {
    const other = await cpu();
    const loader = new DeviceDataLoader(new DataLoader(pixels, { batchSize: 3 }), other);
    expect(loader.length).toBe(2);
    for await (const [images, labels] of loader) {
      expect(images.device).toBe(other);
      expect(labels.device).toBe(other);
    }
    expect(await targets(loader)).toEqual([[0, 1, 2], [3]]);
    other.dispose();
  });
});
