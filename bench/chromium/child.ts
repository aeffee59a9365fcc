/** The process of one peer in headless Chromium: opens the browser with the peer's worker, hands it the job and reports what it measured. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { WorkerPage } from '../../scripts/browser/worker-page.js';
import { finish, readJob, type Report } from '../job.js';
import { peerBundle } from './peer-bundle.js';

const job = readJob();
const peer = process.env['TORCHLET_BENCH_PEER'] ?? '';
const peersDir = process.env['PEERS_DIR'];
const page = await WorkerPage.open({
  entry: path.join(import.meta.dirname, `${peer}-worker.ts`),
  plugins: peersDir === undefined ? [] : [peerBundle(peersDir)],
  file: async (asked) => {
    const name = /^\/data\/([\w.]+)$/.exec(asked)?.[1];
    return name === undefined ? undefined : readFile(path.join(job.data, name));
  },
});
const report = await page.call<Report>('measure', job);
await page.close();
finish(report);
