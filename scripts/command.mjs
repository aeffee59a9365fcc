/**
 * `npm run mnist`, `bench`, `soak`, `conformance`: makes sure that everything is installed and built, then runs the
 * named TypeScript program with tsx in the folder where npm was called. Packages resolve to what was built, so what is
 * measured is what ships. The program's exit code is ours, and nothing is printed after it.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setup } from './setup.mjs';
import { callerFolder, childEnvironment, root } from './toolchain.mjs';

const [program, ...args] = process.argv.slice(2);

try {
  await setup();
} catch (error) {
  console.error(`setup: ${error.message}`);
  process.exit(1);
}

const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), join(root, program), ...args], {
  cwd: callerFolder,
  env: { ...childEnvironment(), TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') },
  stdio: 'inherit',
});

// A terminal sends Ctrl-C to the child as well; npm and scripts send signals to us alone, and npm may repeat them.
let lastInterrupt = Number.NEGATIVE_INFINITY;
process.on('SIGINT', () => {
  const repeated = performance.now() - lastInterrupt < 1_000;
  lastInterrupt = performance.now();
  if (!process.stdin.isTTY && !repeated) child.kill('SIGINT');
});
process.on('SIGTERM', () => child.kill('SIGTERM'));

child.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
});
