/** What a child process of a run can be asked for, by name, and how it is asked: `ENTRY task NAME SETTINGS`. Each task prints what it finds, a line of JSON each. */
import { NoSuchDevice } from '../../../scripts/devices.js';
import type { Emit } from '../lines.js';
import { costs } from './costs.js';
import { facts } from './facts.js';
import { jaxJs } from './jax-js.js';
import { load } from './load.js';
import { measure } from './measure.js';
import { goldens, suites } from './suites.js';
import { flat, mnist } from './training.js';
import { warpgroups } from './warpgroups.js';

const tasks = { facts, costs, load, suites, goldens, warpgroups, mnist, flat, measure, jaxJs };

export type TaskName = keyof typeof tasks;
export type TaskSettings<Name extends TaskName> = Parameters<(typeof tasks)[Name]>[0];

/** The word by which an entry knows that it is a child. */
export const taskWord = 'task';

/** A task ends with this code where there is no such device, and the reason is the last thing it says. */
export const noSuchDevice = 3;

/** Runs the task that the arguments name and ends the process: peers and drivers keep threads. Its errors end it with 1. */
export async function runTask([name = '', settings = '']: readonly string[]): Promise<never> {
  const emit: Emit = (finding) => process.stdout.write(`${JSON.stringify(finding)}\n`);
  if (!Object.hasOwn(tasks, name))
    throw new RangeError(`expected a task of ${Object.keys(tasks).join(', ')}, got ${name}`);
  const task = tasks[name as TaskName] as (settings: unknown, emit: Emit) => Promise<void>;
  let code = 0;
  try {
    await task(JSON.parse(settings), emit);
  } catch (error) {
    const missing = error instanceof NoSuchDevice;
    console.error(missing ? error.message : error);
    code = missing ? noSuchDevice : 1;
  }
  await new Promise((written) => process.stdout.write('', written));
  process.exit(code);
}
