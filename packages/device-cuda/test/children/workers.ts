/** Several worker threads, each with a device of its own; half of them are terminated in the middle of their work. Prints what came of it as JSON. */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { cuda } from '../../src/index.js';
import { watchStandin } from '../../standin/watch.js';
import { compute, expected } from './work.js';

const workers = 4;

/** A thread reads TypeScript once it was told how. */
const start = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(import.meta.url)}); })`;
const execArgv = process.execArgv.filter((flag) => flag.startsWith('--conditions'));

async function work(number: number): Promise<void> {
  const device = await cuda();
  const rounds = [];
  for (let round = 0; round < 5; round++) rounds.push((await compute(device, 100 * number)) === expected(100 * number));
  parentPort?.postMessage(rounds);
  // Those that are terminated go on until then.
  while (workerData.endless) await compute(device, 1000);
  device.dispose();
}

async function main(): Promise<void> {
  const own = await cuda();
  const threads = Array.from({ length: workers }, (_, i) => {
    const worker = new Worker(start, { eval: true, workerData: { number: i + 1, endless: i % 2 === 1 }, execArgv });
    return { worker, endless: i % 2 === 1, told: once(worker, 'message'), ended: once(worker, 'exit') };
  });
  const right = await Promise.all(threads.map(({ told }) => told.then(([rounds]) => rounds)));
  for (const { worker, endless } of threads) if (endless) await worker.terminate();
  const codes = await Promise.all(threads.map(({ ended }) => ended.then(([code]) => code)));
  const afterwards = (await compute(own, 500)) === expected(500);
  own.dispose();
  console.log(JSON.stringify({ right, codes, afterwards, alive: (await watchStandin()).alive() }));
}

if (isMainThread) await main();
else await work(workerData.number);
