/**
 * How long the first step takes in a new process: opening, generating and loading programs, weights. Run twice with one cache of the driver's, empty at first,
 * it tells what the driver's compiler takes. Owns the measuring; the cache is chosen by who starts the process.
 */
import { countingDevice } from '@torchlet/conformance';
import type { Device } from '@torchlet/device';
import { manualSeed, setDefaultDevice } from '@torchlet/tensor';
import { openDevice } from '../../../scripts/devices.js';
import { casesOf, type Scale, type StepCase } from '../cases.js';
import type { Emit } from '../lines.js';
import { trainingStep, usePrecision } from '../networks.js';

export interface LoadSettings {
  readonly device: string;
  readonly scale: Scale;
  /** How the figures are called: with which cache. */
  readonly cache: string;
}

export async function load({ device: name, scale, cache }: LoadSettings, emit: Emit): Promise<void> {
  const device = await openDevice(name);
  let compiling = 0;
  const timed: Device = {
    ...countingDevice(device).device,
    compile(program) {
      const start = performance.now();
      const compiled = device.compile(program);
      compiling += performance.now() - start;
      return compiled;
    },
  };
  setDefaultDevice(timed);
  for (const measured of [...casesOf(scale, ['mlp']).slice(0, 1), ...casesOf(scale, ['gpt'])]) {
    const stepCase = measured as StepCase;
    manualSeed(0);
    usePrecision(stepCase.precision);
    compiling = 0;
    const start = performance.now();
    await trainingStep(stepCase, timed)().item();
    const name_ = `first step of ${stepCase.name}, ${cache}`;
    emit({ kind: 'figure', name: name_, value: performance.now() - start, unit: 'ms' });
    emit({ kind: 'figure', name: `${name_}: compiling`, value: compiling, unit: 'ms' });
  }
  device.dispose();
}
