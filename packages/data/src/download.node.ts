/**
 * One file from the first mirror that has it: with progress, checked by MD5, put in its place only when whole. Owns mirrors, retries
 * and the partial file; knows nothing of what is in it. Read `mnist.node.ts` for its use.
 *
 * It speaks HTTP by `node:http` because fetch unpacks bodies that a server labels as gzip, and the sums published for `.gz` files are of
 * the bytes as sent.
 */

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface DownloadProgress {
  /** The name of the file that is being written. */
  readonly file: string;
  readonly url: string;
  readonly receivedBytes: number;
  /** Absent where the server does not say. */
  readonly totalBytes?: number;
}

export interface DownloadOptions {
  /** Of the whole file, in hexadecimal digits. */
  readonly md5: string;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
  /** How often one mirror is asked when it answers but fails; 3 unless told. */
  readonly attempts?: number;
  /** Before the second attempt; doubled for each one after it. 500 unless told. */
  readonly retryMilliseconds?: number;
  /** Silence after which a mirror is given up; 10,000 unless told. */
  readonly timeoutMilliseconds?: number;
}

/** No mirror gave the file. Its message has every mirror's reason. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
}

/**
 * Downloads to `path`, trying `urls` in order. A mirror that cannot be reached or has no such file is passed over at once; one that
 * breaks off, answers with an error of its own, or sends other bytes is asked again. Nothing is left behind on failure.
 *
 * @throws DownloadError with each mirror's reason; the file system's error where `path` can't be written; the signal's reason if aborted.
 */
export async function download(urls: readonly string[], path: string, options: DownloadOptions): Promise<void> {
  const { attempts = 3, retryMilliseconds = 500, signal } = options;
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.partial`;
  const reasons: string[] = [];
  try {
    for (const url of urls) {
      for (let attempt = 1; ; attempt++) {
        const failure = await fetchTo(partial, url, basename(path), options);
        if (failure === null) {
          await rename(partial, path);
          return;
        }
        signal?.throwIfAborted();
        if (failure.final || attempt >= attempts) {
          reasons.push(`${url}: ${failure.reason}`);
          break;
        }
        await sleep(retryMilliseconds * 2 ** (attempt - 1), undefined, signal === undefined ? {} : { signal });
      }
    }
  } finally {
    await rm(partial, { force: true });
  }
  throw new DownloadError(`could not download ${basename(path)}: ${reasons.join('; ')}`);
}

/** Why an attempt failed; `final` where asking the same mirror again is of no use. */
interface Failure {
  readonly reason: string;
  readonly final: boolean;
}

async function fetchTo(partial: string, url: string, file: string, options: DownloadOptions): Promise<Failure | null> {
  const { md5, onProgress, signal, timeoutMilliseconds = 10_000 } = options;
  const handle = await open(partial, 'w');
  const hash = createHash('md5');
  try {
    let response: IncomingMessage;
    try {
      response = await request(url, timeoutMilliseconds, signal);
    } catch (error) {
      return { reason: reasonOf(error), final: true };
    }
    if (response.statusCode !== 200) {
      response.destroy();
      const status = response.statusCode ?? 0;
      return { reason: `HTTP ${status}`, final: status < 500 && status !== 408 && status !== 429 };
    }
    const length = response.headers['content-length'];
    const total = length === undefined ? {} : { totalBytes: Number(length) };
    let receivedBytes = 0;
    const watched = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        receivedBytes += chunk.length;
        onProgress?.({ file, url, receivedBytes, ...total });
        yield chunk;
      }
    };
    try {
      await pipeline(response, watched, handle.createWriteStream());
    } catch (error) {
      if (!response.errored) {
        throw error;
      }
      return { reason: `broke off after ${receivedBytes} bytes (${reasonOf(error)})`, final: false };
    }
    const sum = hash.digest('hex');
    return sum === md5
      ? null
      : { reason: `sent other bytes than published (MD5 ${sum}, expected ${md5})`, final: false };
  } finally {
    await handle.close();
  }
}

/** The answer to a GET, after at most five redirections. */
async function request(url: string, timeout: number, signal: AbortSignal | undefined): Promise<IncomingMessage> {
  let target = new URL(url);
  for (let hops = 0; hops <= 5; hops++) {
    const response = await getOnce(target, timeout, signal);
    const location = response.headers.location;
    const status = response.statusCode ?? 0;
    if (status < 300 || status >= 400 || location === undefined) {
      return response;
    }
    response.destroy();
    target = new URL(location, target);
  }
  throw new Error('redirected more than five times');
}

function getOnce(url: URL, timeout: number, signal: AbortSignal | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const get = url.protocol === 'https:' ? getHttps : getHttp;
    let response: IncomingMessage | undefined;
    const asked = get(url, { timeout, ...(signal && { signal }) }, (answer) => {
      response = answer;
      resolve(answer);
    });
    asked.on('timeout', () => (response ?? asked).destroy(new Error(`no answer for ${timeout / 1000} s`)));
    asked.on('error', reject);
  });
}

function reasonOf(error: unknown): string {
  // Node tries each address of a name and reports them together, with an empty message.
  if (error instanceof AggregateError) {
    return error.errors.map(reasonOf).join(', ');
  }
  return error instanceof Error ? error.message : String(error);
}
