/** Processes that tests start, with the stand-in as their driver unless they are told another. Owns how they are started; what they do is in `children/`. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildAddon } from '../scripts/build-addon.mjs';
import { addonVariable } from '../src/native/find-addon.js';
import { buildStandin } from '../standin/build.js';

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

/** Runs a script of `children/`. @param environment in which it differs from this process's. */
export async function child(
  script: string,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const file = fileURLToPath(new URL(`children/${script}.ts`, import.meta.url));
  const flags = ['--import', 'tsx', '--conditions=@torchlet/source', '--expose-gc'];
  const started = spawn(process.execPath, [...flags, file, ...args], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    env: {
      ...process.env,
      TORCHLET_LIBCUDA: await buildStandin(),
      [addonVariable]: await buildAddon(),
      ...environment,
    },
    timeout: 30_000,
  });
  const said = { stdout: '', stderr: '' };
  started.stdout.on('data', (text) => (said.stdout += text));
  started.stderr.on('data', (text) => (said.stderr += text));
  return new Promise((settle) => {
    started.on('close', (code, signal) =>
      settle({ code, signal, lines: said.stdout.trim().split('\n'), errors: said.stderr }),
    );
  });
}
