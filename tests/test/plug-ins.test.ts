/** Whoever loads a plug-in by name finds what it exports: root commands, the umbrella's default device, and the plug-ins agree. */
import { openFirst } from '@torchlet/device';
import * as cpuPlugIn from '@torchlet/device-cpu';
import * as cudaPlugIn from '@torchlet/device-cuda';
import * as webgpuPlugIn from '@torchlet/device-webgpu';
import { getDefaultDevice } from 'torchlet';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { findGpu } from '../../packages/device-webgpu/src/find-gpu.js';
import { deviceNames, NoSuchDevice, openDevice } from '../../scripts/devices.js';
import { noAdapter } from '../adapter.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a plug-in', () => {
  it.each([
    ['cpu', cpuPlugIn, 'cpu'],
    ['webgpu', webgpuPlugIn, 'webgpu'],
    ['cuda', cudaPlugIn, 'cuda:0'],
  ])('%s exports a function of its name, and its opener', (name, plugIn: Readonly<Record<string, unknown>>, device) => {
    expect(deviceNames).toContain(name);
    expect(plugIn[name]).toBeTypeOf('function');
    expect((plugIn[`${name}Opener`] as typeof cpuPlugIn.cpuOpener)().name).toBe(device);
  });
});

describe('root commands', () => {
  it('open the CPU, and know no other names', async () => {
    const device = await openDevice('cpu');
    expect(device.name).toBe('cpu');
    device.dispose();
    await expect(openDevice('gpu')).rejects.toThrow(/expected a device of cpu, webgpu/);
  });

  it('open WebGPU, emulated or not, or say why there is none', async () => {
    const opened = openDevice('webgpu');
    if (noAdapter !== null) {
      await expect(opened).rejects.toThrow(NoSuchDevice);
      await expect(openDevice('webgpu')).rejects.toThrow(noAdapter);
      return;
    }
    const device = await opened;
    expect(device.name).toBe('webgpu');
    device.dispose();
  });
});

describe('the default device', () => {
  /** An adapter that says it is a real one. */
  async function stubRealAdapter(): Promise<void> {
    const found = await findGpu();
    const requestAdapter = async () => {
      const adapter = await found.gpu.requestAdapter();
      if (adapter === null) return null;
      const { vendor, architecture, description } = adapter.info;
      return {
        info: { vendor, architecture, description, isFallbackAdapter: false },
        features: adapter.features,
        limits: adapter.limits,
        requestDevice: (descriptor: GPUDeviceDescriptor) => adapter.requestDevice(descriptor),
      };
    };
    vi.stubGlobal('navigator', { gpu: { requestAdapter, found } });
  }

  it('is WebGPU where a real adapter is there', async ({ skip }) => {
    skip(noAdapter !== null, noAdapter ?? '');
    await stubRealAdapter();
    const device = await getDefaultDevice();
    expect(device.name).toBe('webgpu');
    device.dispose();
  });

  it('is the CPU where none is, and the reasons for the others are known', async () => {
    vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => null } });
    const device = await getDefaultDevice();
    expect(device.name).toBe('cpu');
    device.dispose();
    const { unavailable } = await openFirst([webgpuPlugIn.webgpuOpener(), cpuPlugIn.cpuOpener()]);
    expect(unavailable.map(({ name }) => name)).toEqual(['webgpu']);
  });
});
