/**
 * One case, run on one device: what it gave, how many kernels ran for it, or why it cannot be run. Owns the choice of what runs a kind; judging is
 * `checks.ts`.
 */
import { type Device, dtypes } from '@torchlet/device';
import type { HostTensor } from '@torchlet/data';
import { settle } from '@torchlet/tensor';
import type { DeviceCounts, Features } from '../counting-device.js';
import type { GoldenCase } from './cases.js';
import type { Check, Observation } from './checks.js';
import { departures } from './departures.js';
import { tensorKeys } from './manifest.js';
import { observeModule, observeOp } from './observe-op.js';
import { observeOptimizer, observeScheduler } from './observe-optim.js';
import { observeProgram } from './observe-program.js';
import { type Digits, observeTraining } from './observe-training.js';
import { Recorder } from './recorder.js';
import { Unsupported } from './unsupported.js';

/** What a running case may use. */
export interface CaseRun {
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly recorder: Recorder;
  readonly digits: (() => Promise<Digits>) | null;
}

/** Where cases run. */
export interface Environment {
  /** Set as the default device, and counting. */
  readonly device: Device;
  readonly counts: Readonly<DeviceCounts>;
  features(): Features;
  /** The digits that some trainings need; null where they cannot be had. */
  readonly digits: (() => Promise<Digits>) | null;
}

export interface Observed {
  readonly observation: Observation | null;
  /** Why the case cannot be run; null where it was. */
  readonly unsupported: string | null;
  readonly kernels: number;
}

/** Runs a case. Nothing it records is left pending for the next one. */
export async function observe(
  golden: GoldenCase,
  checks: readonly Check[],
  tensors: ReadonlyMap<string, HostTensor>,
  environment: Environment,
): Promise<Observed> {
  const { counts } = environment;
  const before = counts.kernelsRun;
  const recorder = new Recorder();
  let thrown: unknown = null;
  let read: ReadonlyMap<string, HostTensor | null> = new Map();
  const departure = departures[golden.id];
  if (departure !== undefined) return { observation: null, unsupported: departure, kernels: 0 };
  try {
    checkDtypes(golden, tensors, environment.device);
    await dispatch(golden, { tensors, recorder, digits: environment.digits });
    read = await recorder.read({ copied: false });
    // A leaf reads without a kernel; its copy shows that the device can move it.
    const ranNone = counts.kernelsRun === before;
    if (ranNone && computes(golden, checks)) read = await recorder.read({ copied: true });
  } catch (error) {
    if (error instanceof Unsupported) {
      return { observation: null, unsupported: error.message, kernels: counts.kernelsRun - before };
    }
    thrown = error;
  }
  if (thrown !== null) await letGo();
  return {
    observation: { tensors: read, values: recorder.values, thrown },
    unsupported: null,
    kernels: counts.kernelsRun - before,
  };
}

/** Whether a case has a non-empty tensor result. Learning rates are the host's. */
export function computes(golden: GoldenCase, checks: readonly Check[]): boolean {
  if (golden.kind === 'scheduler') return false;
  return checks.some((check) => check.kind === 'tensor' && check.value.data.length > 0);
}

function dispatch(golden: GoldenCase, run: CaseRun): Promise<void> {
  switch (golden.kind) {
    case 'op':
      return observeOp(golden, run);
    case 'module':
      return observeModule(golden, run);
    case 'optimizer':
      return observeOptimizer(golden, run);
    case 'scheduler':
      return observeScheduler(golden, run);
    case 'program':
      return observeProgram(golden, run);
    case 'training':
      return observeTraining(golden, run);
    default: {
      const never: never = golden;
      return never;
    }
  }
}

/** @throws Unsupported where the case has a dtype, or values of one, that the device does not store. */
function checkDtypes(golden: GoldenCase, tensors: ReadonlyMap<string, HostTensor>, device: Device): void {
  // Losses and learning rates are float64 on the host, whatever the device.
  if (golden.kind === 'scheduler' || golden.kind === 'training') return;
  for (const key of tensorKeys(golden, `${golden.id}/`)) {
    const { dtype, data } = tensors.get(key) ?? {};
    if (dtype !== undefined && dtype in dtypes && device.capabilities.storedBytes[dtype] === 0) {
      throw new Unsupported(`${device.name} has no ${dtype}`);
    }
    if (dtype === 'int64' && device.capabilities.storedBytes.int64 === 4 && !fitInt32(data as BigInt64Array)) {
      throw new Unsupported(`${device.name} stores int64 in 32 bits, and the case has values beyond`);
    }
  }
}

function fitInt32(values: BigInt64Array): boolean {
  return values.every((value) => BigInt.asIntN(32, value) === value);
}

/** What a case recorded before it threw must not run within the next case. */
async function letGo(): Promise<void> {
  try {
    await settle();
  } catch {
    // The error that was expected, a second time.
  }
}
