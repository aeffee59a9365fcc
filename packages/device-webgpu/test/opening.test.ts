import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DeviceError, openFirst } from '@torchlet/device';
import { build } from 'esbuild';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { webgpu, webgpuOpener } from '../src/index.js';
import { noAdapter, opened, titled } from './adapter.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('without an adapter', () => {
  it('says that no adapter was found', async () => {
    vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => null } });
    await expect(webgpu()).rejects.toThrow(/navigator\.gpu has no adapter.*graphics driver/);
  });

  it('says that a page must be secure', async () => {
    vi.stubGlobal('navigator', {});
    vi.stubGlobal('process', undefined);
    vi.stubGlobal('isSecureContext', false);
    await expect(webgpu()).rejects.toThrow(/secure context.*https/);
  });

  it('says that a browser has no WebGPU', async () => {
    vi.stubGlobal('navigator', {});
    vi.stubGlobal('process', undefined);
    await expect(webgpu()).rejects.toThrow(/no navigator\.gpu.*Chrome/);
  });

  it('says why an adapter or its device cannot be had', async () => {
    const refuse = (reason: string) => async (): Promise<never> => {
      throw new Error(reason);
    };
    vi.stubGlobal('navigator', { gpu: { requestAdapter: refuse('the GPU process has crashed') } });
    await expect(webgpu()).rejects.toThrow('navigator.gpu gave no adapter: the GPU process has crashed');
    const info = { vendor: 'acme', architecture: 'one', description: '', isFallbackAdapter: false };
    const adapter = { info, features: new Set(), limits: {}, requestDevice: refuse('too many devices') };
    vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => adapter } });
    await expect(webgpu()).rejects.toThrow(
      /the adapter \(acme one\) gave no device: too many devices\. Reload the page or restart/,
    );
  });

  it('says that Node needs the package webgpu, where it is not installed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'torchlet-webgpu-'));
    try {
      const entry = `import { webgpu } from './index.js'; webgpu().catch(({ message }) => console.log(message));`;
      await build({
        stdin: { contents: entry, resolveDir: join(import.meta.dirname, '..', 'src') },
        outfile: join(folder, 'open.mjs'),
        bundle: true,
        format: 'esm',
        conditions: ['@torchlet/source'],
        logLevel: 'silent',
      });
      const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'open.mjs')]);
      expect(stdout.trim()).toBe(
        'Node has no WebGPU of its own, and the package webgpu is not installed: npm install webgpu',
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is a reason in openFirst', async () => {
    vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => null } });
    await expect(openFirst([webgpuOpener()])).rejects.toThrow(/webgpu: navigator\.gpu has no adapter/);
  });
});

describe.skipIf(noAdapter !== null)(titled('with an adapter'), () => {
  it('tells which one it is', async () => {
    const device = await opened({ name: 'mine' });
    expect(device.name).toBe('mine');
    expect(device.adapter.vendor).not.toBe('');
    device.dispose();
  });

  it('keeps a buffer within the limits', async () => {
    const device = await opened();
    const { bufferBytes } = device.capabilities;
    expect(() => device.allocate(2 * bufferBytes, 'too large')).toThrow(DeviceError);
    expect(() => device.allocate(2 * bufferBytes, 'too large')).toThrow(`at most ${bufferBytes}`);
    device.dispose();
  });

  it('keeps to a budget and stays usable past it', async () => {
    const device = await opened({ memoryBytes: 4096 });
    const first = device.allocate(2048, 'first');
    expect(() => device.allocate(4096, 'second')).toThrow(/out of memory: 4096 bytes.*2048 of 4096.*first/);
    device.free(first);
    expect(device.allocate(4096, 'second').bytes).toBe(4096);
    device.dispose();
  });

  it.runIf(noAdapter === null)('passes an emulated adapter over unless it is allowed', async () => {
    const device = await opened();
    const { emulated } = device.adapter;
    device.dispose();
    const open = webgpuOpener()
      .open()
      .then((found) => found.dispose());
    if (emulated) await expect(open).rejects.toThrow(/emulated.*fallback: true/);
    else await expect(open).resolves.toBeUndefined();
  });
});
