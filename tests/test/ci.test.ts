/** What a build machine runs: it brings the system packages that are missing, and ends as `npm test` does. Stand-ins for apt and npm say what they were asked. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = join(import.meta.dirname, '..', '..', '.ci', 'run');
const tools = ['bash', 'cat', 'dirname', 'grep', 'tail', 'timeout'];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'torchlet-ci-'));
  for (const part of ['bin', '.ci']) mkdirSync(join(folder, part));
  copyFileSync(script, join(folder, '.ci', 'run'));
  for (const tool of tools) symlinkSync(which(tool), join(folder, 'bin', tool));
  standIn('id', 'echo 0');
  standIn('npm', 'echo "npm $*"; echo "12 passed, 1 failed"; exit 1');
  standIn('apt-get', 'echo "$*" >> "$CALLS"; exit "$APT_CODE"');
  standIn('ldconfig', 'echo "$LIBRARIES"');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function which(tool: string): string {
  return spawnSync('bash', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim();
}

function standIn(name: string, body: string): void {
  const path = join(folder, 'bin', name);
  writeFileSync(path, `#!/usr/bin/env bash\n${body}\n`);
  chmodSync(path, 0o755);
}

function run(environment: Readonly<Record<string, string>> = {}): {
  lines: string[];
  code: number | null;
  asked: string[];
} {
  const calls = join(folder, 'calls');
  writeFileSync(calls, '');
  const env = { PATH: join(folder, 'bin'), CALLS: calls, LIBRARIES: '', APT_CODE: '0', ...environment };
  const { stdout, status } = spawnSync(join(folder, '.ci', 'run'), [], { env, encoding: 'utf8' });
  return { lines: stdout.trim().split('\n'), code: status, asked: readFileSync(calls, 'utf8').trim().split('\n') };
}

describe.skipIf(process.platform !== 'linux')('the script of a build machine', () => {
  it('installs what is missing, and ends with the last line and the code of npm test', () => {
    expect(run()).toEqual({
      lines: ['npm test --silent', '12 passed, 1 failed'],
      code: 1,
      asked: ['update -qq', 'install -y -qq --no-install-recommends chromium libvulkan1 g++'],
    });
  });

  it('installs nothing that is there', () => {
    for (const program of ['chromium', 'g++']) standIn(program, 'exit 0');
    expect(run({ LIBRARIES: '\tlibvulkan.so.1 (libc6,x86-64) => /lib/libvulkan.so.1' }).asked).toEqual(['']);
  });

  it('says what it goes on without', () => {
    const { lines, code } = run({ APT_CODE: '100' });
    expect(lines[0]).toMatch(/^ci: without chromium libvulkan1 g\+\+/);
    expect(lines.at(-1)).toBe('12 passed, 1 failed');
    expect(code).toBe(1);
    standIn('id', 'echo 1000');
    expect(run().lines[0]).toBe('ci: without chromium libvulkan1 g++: no root or no apt-get here');
  });
});
