/**
 * Downloads from a server on this machine: progress, retries, mirrors, sums, and what is left on the disk.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DownloadError, download, type DownloadProgress } from '../src/index.node.js';

const body = gzipSync(Buffer.alloc(300_000, 'digits'), { level: 0 });
const md5 = createHash('md5').update(body).digest('hex');
const quick = { md5, retryMilliseconds: 1 };

let folder: string;
let path: string;
let servers: Server[];

/** A server for one test, closed after it; gives its address. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.gz`;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torchlet-download-'));
  path = join(folder, 'deep', 'file.gz');
  servers = [];
});

afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true });
});

describe('download', () => {
  it('writes the bytes as sent, with progress, and leaves nothing else', async () => {
    // Labelled as gzip, as some servers do: it must not be unpacked on the way.
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-length': body.length, 'content-encoding': 'gzip' }).end(body);
    });
    const seen: DownloadProgress[] = [];
    await download([url], path, { ...quick, onProgress: (progress) => seen.push(progress) });
    expect((await readFile(path)).equals(body)).toBe(true);
    expect(await readdir(join(folder, 'deep'))).toEqual(['file.gz']);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)).toEqual({ file: 'file.gz', url, receivedBytes: body.length, totalBytes: body.length });
  });

  it('asks again after a break in the middle, a server error, and other bytes', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked += 1;
      if (asked === 1) {
        response.writeHead(200, { 'content-length': body.length });
        response.write(body.subarray(0, 1000), () => response.destroy());
      } else if (asked === 2) {
        response.writeHead(503).end();
      } else if (asked === 3) {
        response.end(body.subarray(1));
      } else {
        response.end(body);
      }
    });
    await download([url], path, { ...quick, attempts: 4 });
    expect(asked).toBe(4);
    expect((await readFile(path)).equals(body)).toBe(true);
  });

  it('goes on to the next mirror, at once where asking again is of no use', async () => {
    let asked = 0;
    const missing = await serve((_, response) => {
      asked += 1;
      response.writeHead(404).end();
    });
    const moved = await serve((request, response) => {
      if (request.url === '/file.gz') {
        response.writeHead(302, { location: '/elsewhere' }).end();
      } else {
        response.end(body);
      }
    });
    await download([missing, moved], path, quick);
    expect(asked).toBe(1);
    expect((await readFile(path)).equals(body)).toBe(true);
  });

  it('says in one message why each mirror failed, and leaves nothing', async () => {
    const closed = await serve((_, response) => response.end());
    await new Promise((resolve) => servers[0]?.close(resolve));
    const other = await serve((_, response) => response.end('<html>not here</html>'));
    const silent = await serve(() => {});
    const failure = download([closed, other, silent], path, { ...quick, attempts: 2, timeoutMilliseconds: 100 });
    await expect(failure).rejects.toThrow(DownloadError);
    await expect(failure).rejects.toThrow(
      /^could not download file\.gz: \S+: connect ECONNREFUSED.*; \S+: sent other bytes than published \(MD5 \w{32}, expected \w{32}\); \S+: no answer for 0\.1 s$/,
    );
    expect(await readdir(join(folder, 'deep'))).toEqual([]);
  });

  it('gives up a mirror that falls silent in the middle', async () => {
    const url = await serve((_, response) => void response.writeHead(200).write(body.subarray(0, 1000)));
    const failure = download([url], path, { ...quick, attempts: 1, timeoutMilliseconds: 100 });
    await expect(failure).rejects.toThrow(/broke off after 1000 bytes \(no answer for 0\.1 s\)/);
  });

  it('stops when told, and leaves nothing', async () => {
    const stop = new AbortController();
    const url = await serve((_, response) => void response.writeHead(200).write(body.subarray(0, 1000)));
    const failure = download([url], path, {
      ...quick,
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await expect(failure).rejects.toThrow('enough');
    expect(await readdir(join(folder, 'deep'))).toEqual([]);
  });

  it('does not blame the mirror where the file cannot be written', async () => {
    const url = await serve((_, response) => response.end(body));
    await writeFile(join(folder, 'deep'), 'a file where a folder should be');
    await expect(download([url], path, quick)).rejects.toMatchObject({ code: 'EEXIST' });
  });
});
