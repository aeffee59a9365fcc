import { describe, expect, it } from 'vitest';
import { type Device, NoDeviceError, type Opener, openFirst } from '../src/index.js';

const opened = { name: 'there' } as Device;
const there: Opener = { name: 'there', open: async () => opened };
const missing = (name: string, reason: unknown): Opener => ({ name, open: () => Promise.reject(reason) });

describe('openFirst', () => {
  it('gives the first that opens, and why those before it did not', async () => {
    const never: Opener = { name: 'never', open: () => Promise.reject(new Error('was asked')) };
    const { device, unavailable } = await openFirst([
      missing('cuda', new Error('no driver')),
      missing('webgpu', 'no adapter'),
      there,
      never,
    ]);
    expect(device).toBe(opened);
    expect(unavailable).toEqual([
      { name: 'cuda', reason: 'no driver' },
      { name: 'webgpu', reason: 'no adapter' },
    ]);
  });

  it('fails with every reason', async () => {
    const error = await openFirst([
      missing('cuda', new Error('no driver')),
      missing('webgpu', new Error('no adapter')),
    ]).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(NoDeviceError);
    expect((error as NoDeviceError).message).toBe('no device: cuda: no driver; webgpu: no adapter');
    expect((error as NoDeviceError).unavailable).toHaveLength(2);
  });

  it('says what to pass where nothing was passed', async () => {
    await expect(openFirst([])).rejects.toThrow('the list of openers is empty');
  });
});
