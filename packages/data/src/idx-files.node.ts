/**
 * A published data set of images and labels in IDX files: finding its files, gzipped or not, fetching those that are missing, and
 * refusing what is not what it says. Owns files; the bytes are `idx.ts`'s, the sets are `mnist.node.ts`'s.
 */

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { cacheFolder } from './cache-folder.node.js';
import { DownloadError, type DownloadProgress, download } from './download.node.js';
import { FormatError } from './format-error.js';
import type { HostTensor } from './host-tensor.js';
import { parseIdx } from './idx.js';

/** One published file. */
export interface IdxFile {
  /** Unpacked; published as `.gz`. */
  readonly name: string;
  /** How many images or labels it has. */
  readonly count: number;
  readonly md5: string;
  /** Of the `.gz` as published. */
  readonly md5Packed: string;
}

/** One part of a data set, such as its training images and their labels. */
export interface IdxPart {
  readonly images: IdxFile;
  readonly labels: IdxFile;
}

export interface IdxSource {
  readonly title: string;
  /** Where it may lie under a data folder, the first being the name it gets in the cache. */
  readonly folders: readonly [string, ...string[]];
  /** Addresses that a file's name is appended to. */
  readonly mirrors: readonly string[];
  readonly classes: readonly string[];
}

export interface FindOptions {
  /** Where to look, and to download to, instead of TORCHLET_DATA and the cache folder. */
  readonly root?: string;
  /** False never asks the network; true unless told. */
  readonly download?: boolean;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
  /** Instead of the public mirrors; each ends in a slash. */
  readonly mirrors?: readonly string[];
  /** False takes files whose sums are not the published ones, such as a data set of one's own in their shape; true unless told. */
  readonly verify?: boolean;
}

/** A data set's files are nowhere and could not be downloaded. Its message is one sentence: where was looked, and what to set. */
export class DataNotFoundError extends Error {
  override readonly name = 'DataNotFoundError';
}

/**
 * The images and labels of one part, from the first folder that has both, else downloaded.
 *
 * @throws DataNotFoundError if they are nowhere; FormatError with the reason if a file is truncated, mislabelled or corrupt.
 */
export async function loadIdxPart(
  source: IdxSource,
  part: IdxPart,
  options: FindOptions,
): Promise<{ images: HostTensor; labels: HostTensor }> {
  const home = options.root === undefined ? cacheFolder() : resolve(options.root);
  const dataFolder = process.env.TORCHLET_DATA || undefined;
  const roots = options.root === undefined && dataFolder !== undefined ? [resolve(dataFolder), home] : [home];
  const found = await findPart(source, part, roots);
  const paths = found ?? (await fetchPart(source, part, home, roots, options));
  const images = await readIdxFile(source, part.images, paths.images, 3, options);
  const labels = await readIdxFile(source, part.labels, paths.labels, 1, options);
  checkTogether(source, paths, images, labels);
  return { images, labels };
}

interface Paths {
  readonly images: string;
  readonly labels: string;
}

function candidateFolders(source: IdxSource, roots: readonly string[]): readonly string[] {
  return roots.flatMap((root) => [...source.folders.map((folder) => join(root, folder)), root]);
}

async function findPart(source: IdxSource, part: IdxPart, roots: readonly string[]): Promise<Paths | undefined> {
  for (const folder of candidateFolders(source, roots)) {
    const images = await findFile(folder, part.images);
    const labels = await findFile(folder, part.labels);
    if (images !== undefined && labels !== undefined) {
      return { images, labels };
    }
  }
  return undefined;
}

async function findFile(folder: string, { name }: IdxFile): Promise<string | undefined> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
      return [];
    }
    throw error;
  });
  const found = [name, `${name}.gz`].find((candidate) => names.includes(candidate));
  return found && join(folder, found);
}

async function fetchPart(
  source: IdxSource,
  part: IdxPart,
  home: string,
  roots: readonly string[],
  options: FindOptions,
): Promise<Paths> {
  const { mirrors = source.mirrors, onProgress, signal } = options;
  const folder = join(home, source.folders[0]);
  const fetchFile = async (file: IdxFile): Promise<string> => {
    const kept = await findFile(folder, file);
    if (kept !== undefined) {
      return kept;
    }
    if (options.download === false) {
      throw notFound(source, part, roots, options, 'downloading is turned off');
    }
    const path = join(folder, `${file.name}.gz`);
    const urls = mirrors.map((mirror) => `${mirror}${file.name}.gz`);
    await download(urls, path, {
      md5: file.md5Packed,
      ...(onProgress && { onProgress }),
      ...(signal && { signal }),
    }).catch((error: unknown) => {
      throw error instanceof DownloadError ? notFound(source, part, roots, options, error.message, error) : error;
    });
    return path;
  };
  return { images: await fetchFile(part.images), labels: await fetchFile(part.labels) };
}

function notFound(
  source: IdxSource,
  part: IdxPart,
  roots: readonly string[],
  { root }: FindOptions,
  reason: string,
  cause?: unknown,
): DataNotFoundError {
  const files = `${part.images.name} and ${part.labels.name} (or .gz)`;
  const looked = `looked for ${source.folders.map((folder) => `${folder}/`).join(', ')} and the files themselves`;
  const [first, cache = first] = roots;
  const data = first === cache ? 'not set' : first;
  const message =
    root === undefined
      ? `${files} are neither in TORCHLET_DATA (${data}) nor in the cache folder ${cache} (${looked}), and ${reason}; set TORCHLET_DATA to a folder that has them.`
      : `${files} are not in ${first} (${looked}), and ${reason}; put them there.`;
  return new DataNotFoundError(`${source.title}: ${message}`, { cause });
}

async function readIdxFile(
  source: IdxSource,
  file: IdxFile,
  path: string,
  ndim: 1 | 3,
  { verify = true }: FindOptions,
): Promise<HostTensor> {
  const packed = await readFile(path);
  const bytes = path.endsWith('.gz') ? await unpack(packed, path) : packed;
  const idx = parseIdx(bytes, path);
  if (idx.dtype !== 'uint8' || idx.shape.length !== ndim) {
    const expected = ndim === 3 ? 'images, uint8 [n, rows, columns]' : 'labels, uint8 [n]';
    throw new FormatError(`${path}: mislabelled: expected ${expected}, got ${idx.dtype} [${idx.shape.join(', ')}]`);
  }
  // A smaller set in the same form is the user's own; one of the published length must be the published one.
  if (verify && idx.shape[0] === file.count) {
    const sum = createHash('md5').update(bytes).digest('hex');
    if (sum !== file.md5) {
      throw new FormatError(
        `${path}: corrupt or mislabelled: not the file that ${source.title} was published with (MD5 ${sum}, expected ${file.md5}); fetch it again, or pass verify: false if it is a set of your own`,
      );
    }
  }
  return idx;
}

async function unpack(packed: Buffer, path: string): Promise<Buffer> {
  try {
    return await promisify(gunzip)(packed);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const truncated = code === 'Z_BUF_ERROR' ? 'truncated' : 'corrupt';
    throw new FormatError(`${path}: ${truncated}: it does not unpack as gzip (${message})`, { cause });
  }
}

function checkTogether({ classes }: IdxSource, paths: Paths, images: HostTensor, labels: HostTensor): void {
  if (images.shape[0] !== labels.shape[0]) {
    throw new FormatError(
      `${paths.images} and ${paths.labels}: mislabelled: ${images.shape[0]} images, but ${labels.shape[0]} labels`,
    );
  }
  const wrong = (labels.data as Uint8Array).findIndex((label) => label >= classes.length);
  if (wrong !== -1) {
    throw new FormatError(
      `${paths.labels}: corrupt: label ${labels.data[wrong]} at ${wrong}, but there are ${classes.length} classes`,
    );
  }
}
