/** Objects that were collected while a task runs, which the device tells of through the addon. */
import type { CudaDevice } from '../src/index.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cudaStandin } from '../standin/open.js';
import { noStandin, onStandin } from './standin-driver.js';

describe.skipIf(noStandin !== null)(onStandin('objects that are watched'), () => {
  let device: CudaDevice;
  beforeAll(async () => {
    device = await cudaStandin();
  });
  afterAll(() => device.dispose());

  const watch = (target: object): number => device.lifetimes?.watch(target) ?? -1;
  const ended = (): number[] => [...(device.lifetimes?.ended() ?? [])].sort((a, b) => a - b);
  const dropped = (count: number): number[] => Array.from({ length: count }, (_, i) => watch({ value: i }));

  it('are told of once, within the task that dropped them', () => {
    const kept = { value: 'kept' };
    const keptNumber = watch(kept);
    const numbers = dropped(5);
    device.collectGarbage?.();
    expect(ended()).toEqual(numbers);
    expect(ended()).toEqual([]);
    device.collectGarbage?.();
    expect(ended()).toEqual([]);
    expect(device.lifetimes?.find(keptNumber)).toBe(kept);
  });

  it('are found by number while they exist, and not after', () => {
    const [number = -1] = dropped(1);
    device.collectGarbage?.();
    expect(device.lifetimes?.find(number)).toBeUndefined();
    expect(ended()).toContain(number);
    const next = { value: 'next' };
    expect(device.lifetimes?.find(watch(next))).toBe(next);
  });

  it('are nobody’s once the device is disposed of', async () => {
    const other = await cudaStandin();
    const number = other.lifetimes?.watch({});
    other.dispose();
    device.collectGarbage?.();
    expect(other.lifetimes?.find(number ?? -1)).toBeUndefined();
    expect([...(other.lifetimes?.ended() ?? [])]).toEqual([]);
    expect(() => other.lifetimes?.watch({})).toThrow('closed');
  });
});
