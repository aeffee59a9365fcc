import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { addonFile } from '../scripts/build-addon.mjs';
import { noAddon, titled } from './built-addon.js';

/** What Node 20 itself asks of a system. */
const oldest = { GLIBC: [2, 28], GLIBCXX: [3, 4, 25] } as const;
const mostBytes = 300_000;

const objdump = spawnSync('objdump', ['-T', addonFile], { encoding: 'utf8' });

describe.skipIf(noAddon !== null)(titled('the binary'), () => {
  test('is small', () => {
    expect(statSync(addonFile).size).toBeLessThan(mostBytes);
  });

  test.skipIf(objdump.error !== undefined)('asks for no newer system libraries than Node does', () => {
    expect(objdump.status).toBe(0);
    const wanted = [...objdump.stdout.matchAll(/\((GLIBC|GLIBCXX)_([\d.]+)\)/g)];
    expect(wanted.length).toBeGreaterThan(10);
    const tooNew = wanted.filter(([, library, version = '']) => newer(version, oldest[library as keyof typeof oldest]));
    expect(tooNew.map(([text]) => text)).toEqual([]);
  });

  test.skipIf(objdump.error !== undefined)('links nothing of CUDA', () => {
    const { stdout } = spawnSync('objdump', ['-p', addonFile], { encoding: 'utf8' });
    const needed = [...stdout.matchAll(/NEEDED\s+(\S+)/g)].map(([, name]) => name);
    expect(needed.length).toBeGreaterThan(0);
    expect(needed.filter((name) => !/^lib(stdc\+\+|m|gcc_s|pthread|c)\.so\.\d+$/.test(name ?? ''))).toEqual([]);
  });
});

describe.skipIf(noAddon !== null)(titled('without a driver'), () => {
  test('the reason names what was sought and what helps', () => {
    const said = driverSays('');
    expect(said).toMatch(/libcuda\.so\.1 was not found .*install the NVIDIA driver|no card|failed with/);
  });

  test('a library that is named and not there is named back', () => {
    const said = driverSays('/nowhere/libcuda.so.1');
    expect(said).toContain('TORCHLET_LIBCUDA names /nowhere/libcuda.so.1, which cannot be loaded');
  });

  test('a library that is no driver says which call it lacks', () => {
    const said = driverSays(addonFile);
    expect(said).toContain('has no cuInit: the NVIDIA driver is too old');
  });
});

/** Why a process that has not opened the driver yet finds none. */
function driverSays(library: string): string {
  const code = `console.log(require(process.argv[1]).driver(process.argv[2]).reason)`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', code, addonFile, library], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout;
}

function newer(version: string, limit: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  for (let i = 0; i < limit.length; i++) {
    const [part = 0, least = 0] = [parts[i], limit[i]];
    if (part !== least) return part > least;
  }
  return false;
}
