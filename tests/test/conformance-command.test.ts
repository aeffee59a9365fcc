/** `npm run conformance -- --device cuda-standin` as a user starts it: under whose name its results go, and what it says on a machine without a C++ compiler. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toSafetensors } from '@torchlet/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noStandin, onStandin } from '../standin.js';

const root = join(import.meta.dirname, '..', '..');
const program = join(root, 'scripts', 'conformance.ts');

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'torchlet-goldens-'));
  const nothing = { format: 'pt-conformance-1', group: 'nothing', count: 0, cases: [] };
  writeFileSync(join(folder, 'nothing.json'), JSON.stringify(nothing));
  writeFileSync(join(folder, 'nothing.safetensors'), await toSafetensors({}));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs the command on a group without cases. @param environment what differs from ours. */
function conformance(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return spawnSync(
    process.execPath,
    ['--conditions=@torchlet/source', '--import', import.meta.resolve('tsx'), program, '--golden', folder, ...args],
    { encoding: 'utf8', env: { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json'), ...environment } },
  );
}

describe.skipIf(noStandin !== null)(onStandin('the conformance command'), () => {
  it('reports under the name of the stand-in', () => {
    const report = join(folder, 'report.json');
    const { status, stdout, stderr } = conformance(['--device', 'cuda-standin', '--json', report]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.trim().split('\n').at(-1)).toMatch(/^0 passed, 0 failed/);
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({ device: 'cuda-standin' });
  });
});

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('without a C++ compiler', () => {
  it('the conformance command ends with 3 and names what to install', () => {
    const nowhere = { PATH: join(folder, 'no-programs'), TORCHLET_STANDIN_CACHE: join(folder, 'nothing-built') };
    const { status, stdout, stderr } = conformance(['--device', 'cuda-standin'], nowhere);
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    expect(stderr).toMatch(/^no such device: cuda-standin: .*got no g\+\+; install g\+\+/);
  });
});
