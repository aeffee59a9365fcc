import { expect, test } from 'vitest';
import { median } from '../median.js';
import { disagreements, resultOf, skippedResult, table } from '../report.js';
import type { Measured } from '../rounds.js';
import { workloads, type Case, type PeerName } from '../workloads.js';

const [mlp] = workloads['mnist-mlp'].cases;

function measured(peer: PeerName, samples: number[], rest: Partial<Measured> = {}, of: Case = mlp): Measured {
  return {
    peer: { peer, version: '1.0', threads: 1, launch: { command: '', args: [], env: {} } },
    case: of,
    samples,
    loss: 0.1486,
    accuracy: 0.9355,
    check: null,
    calls: null,
    ...rest,
  };
}

test('the median of an even number of samples is the mean of the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 5])).toBe(5);
});

test('ratios are Torchlet over the peer, of medians and of minimums', () => {
  const printed = table([measured('torchlet', [10, 20, 60]), measured('pytorch', [20, 40, 100])]);
  const row = printed.split('\n').find((line) => line.includes('pytorch')) ?? '';
  expect(row).toMatch(/│ 0\.50\s+│ 0\.50\s+│/);
  expect(printed).not.toContain('rate');
});

test('a case has its rate of the best run, and no ratio against another case', () => {
  const [small, large] = workloads.matmul.cases;
  if (small === undefined || large === undefined) throw new Error('matmul has fewer than two sizes');
  const printed = table([measured('torchlet', [1], {}, small), measured('pytorch', [2, 4], {}, large)]);
  expect(printed).toContain('134.2 GFLOP/s');
  expect(printed).not.toContain('torchlet/peer');
});

test('results carry the case where a workload has several, and say why a peer was skipped', () => {
  const [small] = workloads.matmul.cases;
  expect(resultOf(measured('tfjs', [3, 1, 2], {}, small))).toMatchObject({
    case: '256',
    median_ms: 2,
    min_ms: 1,
    runs: 3,
  });
  expect(resultOf(measured('tfjs', [3]))).not.toHaveProperty('case');
  expect(resultOf(measured('tfjs', [], { failed: 'no memory' }))).toMatchObject({
    median_ms: null,
    skipped: 'failed: no memory',
  });
  expect(skippedResult({ peer: 'tfjs', skipped: 'not here' })).toMatchObject({
    peer: 'tfjs',
    runs: 0,
    skipped: 'not here',
  });
});

test('peers that end elsewhere did not do the same work', () => {
  expect(disagreements([measured('pytorch', [1]), measured('tfjs', [1], { loss: 0.1488, accuracy: 0.9365 })])).toEqual(
    [],
  );
  expect(disagreements([measured('pytorch', [1]), measured('tfjs', [1], { loss: 0.16, accuracy: 0.93 })])).toEqual([
    'last loss of tfjs is 0.16, of pytorch 0.1486',
    'accuracy of tfjs is 0.93, of pytorch 0.9355',
  ]);
  const [small] = workloads.matmul.cases;
  expect(
    disagreements([measured('torchlet', [1], { check: 10 }, small), measured('tfjs', [1], { check: 10.1 }, small)]),
  ).toEqual(['256: a value of the result of tfjs is 10.1, of torchlet 10']);
});

test('a loss that is not a number never agrees', () => {
  expect(disagreements([measured('pytorch', [1]), measured('tfjs', [1], { loss: Number.NaN })])).toHaveLength(1);
});
