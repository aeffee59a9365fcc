import { afterEach, describe, expect, test } from 'vitest';
import { addonFiles, addonVariable, findAddon } from '../src/native/find-addon.js';

const before = process.env[addonVariable];
afterEach(() => {
  if (before === undefined) delete process.env[addonVariable];
  else process.env[addonVariable] = before;
});

describe('where the addon is looked for', () => {
  test('the variable is the only place where it is set', () => {
    expect(addonFiles('/somewhere/mine.node', 'linux', 'x64')).toEqual(['/somewhere/mine.node']);
  });

  test('else the binary of the package, then that of the checkout', () => {
    const [first = '', second = ''] = addonFiles('', 'linux', 'x64');
    expect(first).toMatch(/device-cuda\/prebuilds\/linux-x64\/torchlet_cuda\.node$/);
    expect(second).toMatch(/device-cuda\/native\/build\/Release\/torchlet_cuda\.node$/);
  });

  test('a file that is not there, or is no addon, is named with the reason', () => {
    process.env[addonVariable] = '/nowhere/at-all.node';
    expect(() => findAddon()).toThrow(
      'TORCHLET_CUDA_ADDON names no addon that loads here: /nowhere/at-all.node is not there',
    );
    process.env[addonVariable] = import.meta.filename;
    expect(() => findAddon()).toThrow('could not be loaded');
  });

  test('another platform is told what runs there', () => {
    expect(() => findAddon({ platform: 'darwin', arch: 'arm64', env: {} })).toThrow(
      'the addon of @torchlet/device-cuda is built for linux-x64, and this is darwin-arm64: @torchlet/device-webgpu and @torchlet/device-cpu run here',
    );
  });
});
