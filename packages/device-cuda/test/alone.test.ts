/** The lock of the builds: that works wait for each other, and that neither a failure nor a process that ended keeps it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { alone } from '../scripts/alone.mjs';

let folder: string;
let lock: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'torchlet-alone-'));
  lock = join(folder, 'lock');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('works take their turns', async () => {
  let [running, most] = [0, 0];
  const work = async () => {
    most = Math.max(most, ++running);
    await new Promise((wake) => setTimeout(wake, 20));
    running--;
  };
  await Promise.all([alone(lock, work), alone(lock, work), alone(lock, work)]);
  expect([running, most, existsSync(lock)]).toEqual([0, 1, false]);
});

test('a work that fails gives the lock back', async () => {
  await expect(alone(lock, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await alone(lock, async () => 7)).toBe(7);
});

test('the lock of a process that has ended counts for nothing, nor one that was never written to its end', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(lock, String(pid));
  expect(await alone(lock, async () => 1)).toBe(1);
  writeFileSync(lock, '');
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(lock, longAgo, longAgo);
  expect(await alone(lock, async () => 2)).toBe(2);
});
