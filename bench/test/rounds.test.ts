import { expect, test } from 'vitest';
import { nodeFlagsFor, type FoundPeer } from '../peers.js';
import { measure } from '../rounds.js';
import type { PeerName } from '../workloads.js';

const job = { threads: 1, fma: true, data: 'nowhere', budgetMs: 1 };
const matmul = { name: '2', work: { kind: 'matmul', size: 2 } } as const;

function peer(name: PeerName, script: string): FoundPeer {
  return {
    peer: name,
    version: '1',
    threads: 1,
    launch: { command: process.execPath, args: ['-e', script], env: { SAMPLE: '7' } },
  };
}

const reports = `
  const job = JSON.parse(process.argv[1]);
  console.log('some noise');
  console.log(JSON.stringify({ samples: [Number(process.env.SAMPLE), job.work.size], check: job.threads }));
`;

test('every peer runs once a round in a process of its own, and each round starts with another', async () => {
  const started: string[] = [];
  const peers = [peer('torchlet', reports), peer('tfjs', reports)];
  const results = await measure(matmul, peers, {
    count: 2,
    job,
    onStart: ({ peer: name }, _, round) => started.push(`${round} ${name}`),
  });
  expect(started).toEqual(['0 torchlet', '0 tfjs', '1 tfjs', '1 torchlet']);
  expect(results[0]).toMatchObject({ samples: [7, 2, 7, 2], check: 1, loss: null, accuracy: null });
});

test('a peer that fails says why once and is not tried again', async () => {
  const started: string[] = [];
  const failing = peer('tfjs', `console.error('TypeError: no such backend\\n    at somewhere'); process.exit(1)`);
  const results = await measure(matmul, [failing], { count: 3, job, onStart: ({ peer: name }) => started.push(name) });
  expect(started).toEqual(['tfjs']);
  expect(results[0]).toMatchObject({ samples: [], failed: 'TypeError: no such backend' });
});

test('the flags give this Node what was asked for', () => {
  expect(nodeFlagsFor(true).fma).toBe(true);
  expect(nodeFlagsFor(false).fma).toBe(false);
});
