/**
 * The 60,000 digits that MNIST was published with: from the browser's cache, else downloaded with progress, checked, and kept. Owns
 * mirrors' answers and the cache; the bytes are `parseIdx`'s.
 *
 * What is checked is the file unpacked, because servers differ in whether they say that a `.gz` is packed, and a browser unpacks those
 * that say so.
 */

import { md5 } from '@noble/hashes/legacy.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { ImageDataset, toTensor } from '@torchlet/data';
import { gunzip, isGzip } from './gzip.js';
import type { Tell } from './heard.js';

interface PublishedFile {
  readonly name: string;
  /** Of the unpacked file. */
  readonly md5: string;
}

/** Sums as `@torchlet/data` has them. */
const images: PublishedFile = { name: 'train-images-idx3-ubyte', md5: '6bbc9ace898e44ae57da46a324031adb' };
const labels: PublishedFile = { name: 'train-labels-idx1-ubyte', md5: 'a25bea736e30d166cdddb491f175f624' };

const cacheName = 'torchlet-mnist';
const millisecondsBetweenTold = 100;

export interface Source {
  /** Folders that are asked in this order, each ending in a slash. */
  readonly mirrors: readonly string[];
  readonly tell: Tell;
  readonly signal: AbortSignal;
}

/** @throws Error with every mirror's reason, if none has a file; the signal's reason if aborted. */
export async function loadFull(source: Source): Promise<ImageDataset> {
  const labelBytes = await load(labels, source);
  const imageBytes = await load(images, source);
  return ImageDataset.fromIdx(imageBytes, labelBytes, { transform: toTensor });
}

async function load(file: PublishedFile, source: Source): Promise<Uint8Array> {
  const cache = await openCache();
  const key = `${source.mirrors[0]}${file.name}.gz`;
  const kept = await cache?.match(key);
  if (kept !== undefined) {
    const unpacked = await unpack(file, new Uint8Array(await kept.arrayBuffer())).catch(() => undefined);
    if (unpacked !== undefined) {
      return unpacked;
    }
    await cache?.delete(key);
  }
  const { received, unpacked } = await download(file, source);
  // Without room for it, the next visit downloads it again.
  await cache?.put(key, new Response(received)).catch(() => {});
  return unpacked;
}

/** Undefined where the page is not served securely, or the browser keeps nothing. */
async function openCache(): Promise<Cache | undefined> {
  return 'caches' in globalThis ? caches.open(cacheName).catch(() => undefined) : undefined;
}

type Bytes = Uint8Array<ArrayBuffer>;

async function download(file: PublishedFile, source: Source): Promise<{ received: Bytes; unpacked: Bytes }> {
  const reasons: string[] = [];
  for (const mirror of source.mirrors) {
    try {
      const received = await receive(`${mirror}${file.name}.gz`, source);
      return { received, unpacked: await unpack(file, received) };
    } catch (error) {
      source.signal.throwIfAborted();
      reasons.push(`${mirror}: ${(error as Error).message}`);
    }
  }
  throw new Error(`${file.name} could not be downloaded: ${reasons.join('; ')}. The sample digits need no download.`);
}

async function receive(url: string, { tell, signal }: Source): Promise<Bytes> {
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null) {
    throw new Error(`HTTP ${response.status}`);
  }
  const file = url.slice(url.lastIndexOf('/') + 1);
  // A length is of what was sent, which is not what arrives here if the browser unpacks it.
  const length = response.headers.has('content-encoding') ? null : response.headers.get('content-length');
  const total = length === null ? {} : { totalBytes: Number(length) };
  const chunks: Bytes[] = [];
  let receivedBytes = 0;
  let toldAt = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { value, done } = await reader.read();
    if (done || performance.now() - toldAt >= millisecondsBetweenTold) {
      toldAt = performance.now();
      tell({ kind: 'download', file, receivedBytes, ...total });
    }
    if (done) {
      return new Uint8Array(await new Blob(chunks).arrayBuffer());
    }
    chunks.push(value);
    receivedBytes += value.length;
  }
}

/** @throws Error if it is not the published file. */
async function unpack({ md5: expected }: PublishedFile, received: Bytes): Promise<Bytes> {
  const unpacked = isGzip(received) ? await gunzip(received) : received;
  const sum = bytesToHex(md5(unpacked));
  if (sum !== expected) {
    throw new Error(`sent other bytes than published (MD5 ${sum}, expected ${expected})`);
  }
  return unpacked;
}
