/**
 * Golden cases on a device, from groups to results. Owns the verdicts; printing them is `report.ts`.
 */
import type { Device } from '@torchlet/device';
import { setDefaultDevice } from '@torchlet/tensor';
import { countingDevice } from '../counting-device.js';
import type { GoldenCase } from './cases.js';
import { type Check, checksOf, judge, type Observation } from './checks.js';
import type { GoldenGroup } from './manifest.js';
import { mutations } from './mutate.js';
import { computes, type Environment, observe } from './observe.js';
import type { Digits } from './observe-training.js';
import { withLeeway } from './leeway.js';

export type Status = 'passed' | 'failed' | 'unsupported';

export interface CaseResult {
  readonly id: string;
  readonly op: string;
  readonly status: Status;
  /** Why it did not pass. */
  readonly reason?: string;
  /** The largest absolute difference from what PyTorch gave. */
  readonly maxError: number;
  /** Kernels that ran on the device for the case. */
  readonly kernels: number;
}

export interface GroupResult {
  readonly name: string;
  readonly cases: readonly CaseResult[];
}

export interface RunOptions {
  /** Judge each case by altered expectations: what passes unaltered must then fail, and counts as passed only where an alteration is not noticed. */
  readonly mutate?: boolean;
  /** Gives the digits that some trainings need. */
  readonly digits?: () => Promise<Digits>;
  /** Called after each group. */
  readonly onGroup?: (result: GroupResult) => void;
}

/**
 * Runs every case of the groups on `device`, one after the other, and sets it as the default device.
 *
 * @returns a result for every case, in order. A case that fails does not stop the rest.
 */
export async function runGoldens(
  device: Device,
  groups: readonly GoldenGroup[],
  { mutate = false, digits, onGroup }: RunOptions = {},
): Promise<GroupResult[]> {
  const counted = countingDevice(device);
  setDefaultDevice(counted.device);
  const environment: Environment = { ...counted, digits: digits ?? null };
  const results: GroupResult[] = [];
  for (const group of groups) {
    const cases: CaseResult[] = [];
    for (const golden of group.cases) cases.push(await runCase(golden, group, environment, mutate));
    const result = { name: group.name, cases };
    onGroup?.(result);
    results.push(result);
  }
  return results;
}

async function runCase(
  golden: GoldenCase,
  { tensors }: GoldenGroup,
  environment: Environment,
  mutate: boolean,
): Promise<CaseResult> {
  const exact = checksOf(golden, tensors);
  environment.features();
  const { observation, unsupported, kernels } = await observe(golden, exact, tensors, environment);
  const checks = withLeeway(exact, environment.device.name, environment.features());
  const head = { id: golden.id, op: golden.op };
  if (observation === null) {
    return { ...head, status: 'unsupported', reason: unsupported ?? '', maxError: 0, kernels };
  }
  const { reason, maxError } = judge(checks, observation);
  const idle = kernels === 0 && observation.thrown === null && computes(golden, checks);
  const failure = reason ?? (idle ? 'no kernel ran on the device' : null);
  if (failure !== null) return { ...head, status: 'failed', reason: failure, maxError, kernels };
  if (!mutate) return { ...head, status: 'passed', maxError, kernels };
  const unnoticed = firstUnnoticed(checks, observation);
  if (unnoticed === null) return { ...head, status: 'failed', reason: 'altered, as asked', maxError, kernels };
  return { ...head, status: 'passed', reason: `not noticed: ${unnoticed}`, maxError, kernels };
}

/** The first alteration of the expectations under which the observation still passes. */
function firstUnnoticed(checks: readonly Check[], observation: Observation): string | null {
  for (const mutation of mutations(checks)) {
    if (judge(mutation.checks, observation).reason === null) return mutation.name;
  }
  return null;
}
