/**
 * `npm run mnist`, `bench`, `soak`, `conformance`: makes sure that everything is installed and built, then runs the
 * named TypeScript program with tsx in the folder where npm was called. Packages resolve to what was built, so what is
 * measured is what ships. The program's exit code is ours, and nothing is printed after it.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setupOrEnd } from './setup.mjs';
import { callerFolder, childEnvironment, root } from './toolchain.mjs';

const [program, ...args] = process.argv.slice(2);

await setupOrEnd();

const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), join(root, program), ...args], {
  cwd: callerFolder,
  env: { ...childEnvironment(), TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') },
  stdio: 'inherit',
});

// Ctrl-C reaches the whole process group, the program included, which ends when it has put its work away; so do we.
let interrupted = false;
process.on('SIGINT', () => {
  interrupted = true;
});
process.on('SIGTERM', () => child.kill('SIGTERM'));

// npm hands a signal that was sent to it alone to its shell, which dies of it and leaves us behind: then we pass it on.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent || interrupted) return;
  interrupted = true;
  child.kill('SIGINT');
}, 250);
watch.unref();

child.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
});
