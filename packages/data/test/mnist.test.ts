/**
 * MNIST and FashionMNIST from files: where they are found, how they are downloaded (from a server on this machine), and what is refused.
 * Small sets in their form stand in for the originals; those are read where TORCHLET_DATA has them.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Tensor } from '@torchlet/tensor';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FormatError, toTensor } from '../src/index.js';
import { cacheFolder, DataNotFoundError, type DownloadProgress, FashionMNIST, MNIST } from '../src/index.node.js';

const names = { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' } as const;
const realData = process.env.TORCHLET_DATA;

async function numbersOf(tensor: Tensor): Promise<number[]> {
  return Array.from(await tensor.data(), Number);
}

/** `n` images of 28 by 28 where pixel p of image i is (i + p) mod 256, as an IDX file. */
function imageFile(n: number): Buffer {
  const header = Buffer.from([0, 0, 8, 3, 0, 0, n >> 8, n & 255, 0, 0, 0, 28, 0, 0, 0, 28]);
  return Buffer.concat([
    header,
    Buffer.from(Array.from({ length: n * 784 }, (_, at) => Math.floor(at / 784) + (at % 784))),
  ]);
}

function labelFile(labels: readonly number[]): Buffer {
  return Buffer.from([0, 0, 8, 1, 0, 0, labels.length >> 8, labels.length & 255, ...labels]);
}

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'torchlet-mnist-'));
  vi.stubEnv('XDG_CACHE_HOME', join(root, 'cache'));
  vi.stubEnv('TORCHLET_DATA', undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

async function put(folder: string, images: Buffer, labels: Buffer, suffix = ''): Promise<void> {
  await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, folder, names.images + suffix), images);
  await writeFile(join(root, folder, names.labels + suffix), labels);
}

const offline = { download: false } as const;

describe('finding files', () => {
  it.each([
    ['mnist', MNIST],
    ['MNIST/raw', MNIST],
    ['', MNIST],
    ['fashion-mnist', FashionMNIST],
    ['FashionMNIST/raw', FashionMNIST],
    ['', FashionMNIST],
  ])('in TORCHLET_DATA, folder "%s"', async (folder, Kind) => {
    await put(folder, imageFile(3), labelFile([7, 0, 9]));
    vi.stubEnv('TORCHLET_DATA', root);
    expect((await Kind.load(offline)).length).toBe(3);
  });

  it('gzipped, and in the folder given', async () => {
    await put('elsewhere/mnist', gzipSync(imageFile(2)), gzipSync(labelFile([1, 2])), '.gz');
    vi.stubEnv('TORCHLET_DATA', join(root, 'not', 'here'));
    expect((await MNIST.load({ ...offline, root: join(root, 'elsewhere') })).length).toBe(2);
  });

  it.runIf(process.platform === 'linux')('in the cache folder', async () => {
    await put('cache/torchlet/mnist', imageFile(2), labelFile([1, 2]));
    expect((await MNIST.load(offline)).length).toBe(2);
  });

  it('says in one sentence where it looked and what to set', async () => {
    vi.stubEnv('TORCHLET_DATA', join(root, 'data'));
    const failure = MNIST.load(offline);
    await expect(failure).rejects.toThrow(DataNotFoundError);
    const message = await failure.catch((error: Error) => error.message);
    expect(message).toContain(`in TORCHLET_DATA (${join(root, 'data')}) nor in the cache folder ${cacheFolder()}`);
    expect(message).toMatch(
      /^MNIST: train-images-idx3-ubyte and .* \(looked for mnist\/, MNIST\/raw\/ and .*downloading is turned off; set TORCHLET_DATA to a folder that has them\.$/,
    );
    vi.stubEnv('TORCHLET_DATA', undefined);
    await expect(FashionMNIST.load({ ...offline, train: false })).rejects.toThrow(
      /^FashionMNIST: t10k-images.*neither in TORCHLET_DATA \(not set\)/,
    );
  });
});

describe('samples', () => {
  it('are images with their labels, one by one and in batches, transformed and not', async () => {
    await put('', imageFile(3), labelFile([7, 0, 9]));
    const raw = await MNIST.load({ ...offline, root });
    const [image, label] = raw.get(2);
    expect([image.shape, image.dtype, label]).toEqual([[1, 28, 28], 'uint8', 9]);
    expect((await numbersOf(image)).slice(0, 3)).toEqual([2, 3, 4]);
    expect([raw.images.shape, raw.images.dtype]).toEqual([[3, 28, 28], 'uint8']);
    expect(await raw.labels.array()).toEqual([7, 0, 9]);
    expect(raw.classes[7]).toBe('7 - seven');

    const scaled = await MNIST.load({ ...offline, root, transform: toTensor });
    const [images, labels] = scaled.batch([2, 0]);
    expect([images.shape, images.dtype, labels.dtype]).toEqual([[2, 1, 28, 28], 'float32', 'int64']);
    expect(await labels.array()).toEqual([9, 7]);
    expect((await numbersOf(images)).slice(0, 784)).toEqual(await numbersOf(scaled.get(2)[0]));
    expect(() => scaled.get(3)).toThrow(/expected an index from 0 to 2, got 3/);
    expect(() => scaled.batch([0, -1])).toThrow(RangeError);
  });
});

describe('refusing files', () => {
  const good = { images: imageFile(2), labels: labelFile([1, 2]) };

  it.each<[what: string, images: Buffer, labels: Buffer, reason: RegExp]>([
    [
      'truncated images',
      good.images.subarray(0, 1000),
      good.labels,
      /train-images-idx3-ubyte: truncated: uint8 \[2, 28, 28\] needs 1584 bytes, got 1000/,
    ],
    ['truncated labels', good.images, good.labels.subarray(0, 9), /train-labels-idx1-ubyte: truncated/],
    [
      'labels in place of images',
      good.labels,
      good.labels,
      /mislabelled: expected images, uint8 \[n, rows, columns\], got uint8 \[2\]/,
    ],
    [
      'images in place of labels',
      good.images,
      good.images,
      /mislabelled: expected labels, uint8 \[n\], got uint8 \[2, 28, 28\]/,
    ],
    ['other counts', good.images, labelFile([1, 2, 3]), /mislabelled: 2 images, but 3 labels/],
    ['labels that are no class', good.images, labelFile([1, 10]), /corrupt: label 10 at 1, but there are 10 classes/],
    ['a web page', Buffer.from('<!DOCTYPE html>'), good.labels, /got what looks like a web page/],
    ['gzip without its name', gzipSync(good.images), good.labels, /got a gzip file/],
  ])('%s', async (_what, images, labels, reason) => {
    await put('mnist', images, labels);
    await expect(MNIST.load({ ...offline, root })).rejects.toThrow(FormatError);
    await expect(MNIST.load({ ...offline, root })).rejects.toThrow(reason);
  });

  it('gzip that breaks off or has a bit changed', async () => {
    const packed = gzipSync(good.images);
    await put('mnist', packed.subarray(0, packed.length - 20), gzipSync(good.labels), '.gz');
    await expect(MNIST.load({ ...offline, root })).rejects.toThrow(/truncated: it does not unpack as gzip/);
    const changed = Buffer.from(packed);
    changed[packed.length - 6] = (changed[packed.length - 6] ?? 0) ^ 1;
    await put('mnist', changed, gzipSync(good.labels), '.gz');
    await expect(MNIST.load({ ...offline, root })).rejects.toThrow(/corrupt: it does not unpack as gzip/);
  });

  it('files of the published length with other contents, unless told', async () => {
    const blank = Buffer.concat([Buffer.from('00000803000027100000001c0000001c', 'hex'), Buffer.alloc(7_840_000)]);
    await writeFile(join(root, 't10k-images-idx3-ubyte'), blank);
    await writeFile(join(root, 't10k-labels-idx1-ubyte'), labelFile(new Array(10_000).fill(1)));
    const options = { ...offline, root, train: false };
    await expect(MNIST.load(options)).rejects.toThrow(/not the file that MNIST was published with/);
    expect((await MNIST.load({ ...options, verify: false })).length).toBe(10_000);
  });
});

describe.skipIf(realData === undefined)('the originals (TORCHLET_DATA)', () => {
  let server: Server | undefined;

  afterEach(() => server?.close());

  /** Serves the originals as a mirror does, failing the first request for each file; gives its address and what was asked for. */
  async function mirror(folder: string): Promise<{ url: string; asked: string[] }> {
    const asked: string[] = [];
    const started = createServer((request, response) => {
      const name = request.url?.slice(1) ?? '';
      const again = asked.includes(name);
      asked.push(name);
      readFile(join(realData ?? '', folder, name)).then(
        (file) => {
          if (again) {
            response.end(file);
          } else {
            response.writeHead(200, { 'content-length': file.length });
            response.write(file.subarray(0, 2000), () => response.destroy());
          }
        },
        () => response.writeHead(404).end(),
      );
    });
    server = started;
    await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${(started.address() as AddressInfo).port}/`, asked };
  }

  it.each([
    ['MNIST', true, MNIST, 60_000, [5, 0, 4, 1, 9]],
    ['MNIST', false, MNIST, 10_000, [7, 2, 1, 0, 4]],
    ['FashionMNIST', true, FashionMNIST, 60_000, [9, 0, 0, 3, 0]],
    ['FashionMNIST', false, FashionMNIST, 10_000, [9, 2, 1, 1, 6]],
  ] as const)('%s, train: %s, are complete and match the published sums', async (_name, train, Kind, length, first) => {
    vi.stubEnv('TORCHLET_DATA', realData);
    const dataset = await Kind.load({ ...offline, train });
    expect(dataset.length).toBe(length);
    expect([0, 1, 2, 3, 4].map((index) => dataset.get(index)[1])).toEqual(first);
  });

  it('download, retry, verify, and are there the next time', async () => {
    const { url, asked } = await mirror('mnist');
    const seen = new Set<string>();
    const onProgress = ({ file }: DownloadProgress) => seen.add(file);
    const options = { root, train: false, mirrors: ['http://127.0.0.1:1/', url], onProgress };
    const dataset = await MNIST.load(options);
    expect(dataset.length).toBe(10_000);
    expect([...seen]).toEqual(['t10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz']);
    expect(asked).toHaveLength(4);
    expect((await readdir(join(root, 'mnist'))).sort()).toEqual([...seen].sort());
    await MNIST.load(options);
    expect(asked).toHaveLength(4);
  });

  it('are refused where a mirror sends something else, and nothing is kept', async () => {
    const { url } = await mirror('fashion-mnist');
    await expect(MNIST.load({ root, train: false, mirrors: [url] })).rejects.toThrow(
      /^MNIST: t10k-images.*sent other bytes than published.*put them there\.$/,
    );
    expect(await readdir(join(root, 'mnist'))).toEqual([]);
  });

  it('with one pixel changed are refused', async () => {
    const packed = await readFile(join(realData ?? '', 'mnist', 't10k-images-idx3-ubyte.gz'));
    const bytes = gunzipSync(packed);
    bytes[5000] = (bytes[5000] ?? 0) ^ 1;
    await mkdir(join(root, 'mnist'));
    await writeFile(join(root, 'mnist', 't10k-images-idx3-ubyte'), bytes);
    await writeFile(
      join(root, 'mnist', 't10k-labels-idx1-ubyte.gz'),
      await readFile(join(realData ?? '', 'mnist', 't10k-labels-idx1-ubyte.gz')),
    );
    await expect(MNIST.load({ ...offline, root, train: false })).rejects.toThrow(
      /corrupt or mislabelled: not the file/,
    );
    expect(createHash('md5').update(packed).digest('hex')).toBe('9fb629c4189551a2d022fa330f9573f3');
  });
});
