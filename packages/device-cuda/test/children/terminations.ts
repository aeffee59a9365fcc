/** Worker threads that compute until they are terminated, at any moment, again and again. Prints how many were. */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { cuda } from '../../src/index.js';
import { compute } from './work.js';

const rounds = 10;
const together = 3;

/** A thread reads TypeScript once it was told how. */
const start = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(import.meta.url)}); })`;
const execArgv = process.execArgv.filter((flag) => flag.startsWith('--conditions'));

async function work(): Promise<never> {
  const device = await cuda();
  await compute(device, 100);
  parentPort?.postMessage('computing');
  for (;;) await compute(device, 10);
}

async function main(): Promise<void> {
  const own = await cuda();
  for (let round = 0; round < rounds; round++) {
    const workers = Array.from({ length: together }, () => new Worker(start, { eval: true, execArgv }));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    await setTimeout(2 * round);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  own.dispose();
  console.log(rounds * together);
}

if (isMainThread) await main();
else await work();
