/**
 * What a case expects, as a flat list of checks, and the judgement of what was observed against it. Pure: running a case is `observe.ts`, so a
 * case is run once and judged as often as `mutate.ts` has alterations of its checks.
 */
import type { HostTensor } from '@torchlet/data';
import type {
  GoldenCase,
  ModuleCase,
  OpCase,
  OptimizerCase,
  ProgramCase,
  SchedulerCase,
  Tolerance,
  TrainingCase,
} from './cases.js';
import { compareTensors } from './compare.js';

/** One expectation. `what` names it in reasons and in the observation: `output 0`, `gradient of 0.1`, `state 0.exp_avg`. */
export type Check =
  | { readonly kind: 'tensor'; readonly what: string; readonly value: HostTensor; readonly tolerance: Tolerance }
  /** There must be no tensor there: an unset gradient. */
  | { readonly kind: 'absent'; readonly what: string }
  /** A plain value: a number, string, boolean, list or `{dtype}`. */
  | { readonly kind: 'value'; readonly what: string; readonly value: unknown }
  /** The call, or reading its result, must throw. */
  | { readonly kind: 'throws' };

/** What running a case gave: by the names of its checks, a tensor, null where there is none, or a plain value. */
export interface Observation {
  readonly tensors: ReadonlyMap<string, HostTensor | null>;
  readonly values: ReadonlyMap<string, unknown>;
  readonly thrown: unknown;
}

export interface Judgement {
  /** The first check that does not hold, in words; null where all hold. */
  readonly reason: string | null;
  readonly maxError: number;
}

/** Where the format gives a case no tolerance, it has nothing but exact results. */
const noTolerance: Tolerance = { rtol: 0, atol: 0 };

/** The checks of a case. The number of outputs is a check of its own. */
export function checksOf(golden: GoldenCase, tensors: ReadonlyMap<string, HostTensor>): Check[] {
  if (golden.raises !== undefined) return [{ kind: 'throws' }];
  const expect = new Expectations(golden.tolerances ?? noTolerance, tensors);
  switch (golden.kind) {
    case 'op':
      opChecks(golden, expect);
      break;
    case 'module':
      moduleChecks(golden, expect);
      break;
    case 'optimizer':
      optimizerChecks(golden, expect);
      break;
    case 'scheduler':
      schedulerChecks(golden, expect);
      break;
    case 'program':
      programChecks(golden, expect);
      break;
    case 'training':
      trainingChecks(golden, expect);
      break;
    default: {
      const never: never = golden;
      return never;
    }
  }
  return expect.checks;
}

class Expectations {
  readonly checks: Check[] = [];
  readonly #tolerance: Tolerance;
  readonly #tensors: ReadonlyMap<string, HostTensor>;

  constructor(tolerance: Tolerance, tensors: ReadonlyMap<string, HostTensor>) {
    this.#tolerance = tolerance;
    this.#tensors = tensors;
  }

  tensor(what: string, key: string, tolerance: Tolerance = this.#tolerance): void {
    const value = this.#tensors.get(key);
    if (value === undefined) throw new Error(`${what}: there is no tensor ${key}`);
    this.checks.push({ kind: 'tensor', what, value, tolerance });
  }

  /** A tensor for each entry, null meaning that there must be none. */
  named(prefix: string, keys: Readonly<Record<string, string | null>> = {}): void {
    for (const [name, key] of Object.entries(keys)) {
      if (key === null) this.checks.push({ kind: 'absent', what: `${prefix} ${name}` });
      else this.tensor(`${prefix} ${name}`, key);
    }
  }

  outputs(keys: readonly string[]): void {
    this.value('number of outputs', keys.length);
    for (const [i, key] of keys.entries()) this.tensor(`output ${i}`, key);
  }

  value(what: string, value: unknown): void {
    this.checks.push({ kind: 'value', what, value });
  }

  absent(what: string): void {
    this.checks.push({ kind: 'absent', what });
  }
}

function opChecks(golden: OpCase, expect: Expectations): void {
  if (golden.expected !== undefined) {
    expect.value('result', golden.expected);
    return;
  }
  expect.outputs(golden.outputs);
  expect.named('gradient of', golden.gradInputs);
  if (golden.gradOutputs === undefined) return;
  for (const path of requiringGradients(golden.args, golden.kwargs)) {
    if (golden.gradInputs?.[path] === undefined) expect.absent(`gradient of ${path}`);
  }
}

/** The paths of the arguments that require a gradient, as `gradInputs` writes them. */
export function requiringGradients(args: OpCase['args'], kwargs: OpCase['kwargs']): string[] {
  const paths: string[] = [];
  const walk = (argument: OpCase['args'][number], path: string): void => {
    if ('tensor' in argument && argument.requiresGrad === true) paths.push(path);
    if ('list' in argument) for (const [i, item] of argument.list.entries()) walk(item, `${path}.${i}`);
  };
  for (const [i, argument] of args.entries()) walk(argument, String(i));
  for (const [name, argument] of Object.entries(kwargs)) walk(argument, name);
  return paths;
}

function moduleChecks(golden: ModuleCase, expect: Expectations): void {
  expect.outputs(golden.outputs);
  expect.named('gradient of', golden.gradInputs);
  expect.named('gradient of parameter', golden.gradParams);
  expect.named('state', golden.stateAfter);
}

function optimizerChecks(golden: OptimizerCase, expect: Expectations): void {
  expect.outputs(golden.outputs);
  expect.named('state', golden.stateAfter);
}

function schedulerChecks(golden: SchedulerCase, expect: Expectations): void {
  expect.outputs(golden.outputs);
}

function programChecks(golden: ProgramCase, expect: Expectations): void {
  // Outputs go by name here: a null among them means that there is no gradient.
  for (const [i, name] of (golden.outputNames ?? []).entries()) {
    expect.named('value', { [name]: golden.outputs[i] ?? null });
  }
  expect.named('gradient of', golden.grads);
  for (const [name, flag] of Object.entries(golden.requiresGrad ?? {})) expect.value(`requiresGrad of ${name}`, flag);
  for (const [name, flag] of Object.entries(golden.isLeaf ?? {})) expect.value(`isLeaf of ${name}`, flag);
}

function trainingChecks(golden: TrainingCase, expect: Expectations): void {
  expect.outputs(golden.outputs);
  const { rtol, atol, stateAtol = {} } = golden.tolerances;
  for (const [name, key] of Object.entries(golden.stateAfter)) {
    expect.tensor(`state ${name}`, key, { rtol, atol: stateAtol[name] ?? atol });
  }
}

/** Judges an observation. A case that must throw passes only by an error of the library, not by one of the JavaScript engine. */
export function judge(checks: readonly Check[], observed: Observation): Judgement {
  const mustThrow = checks.some((check) => check.kind === 'throws');
  if (observed.thrown !== null) {
    const crash = engineError(observed.thrown);
    if (mustThrow && crash === null) return { reason: null, maxError: 0 };
    return { reason: crash ?? messageOf(observed.thrown), maxError: 0 };
  }
  if (mustThrow) return { reason: 'expected an error, got none', maxError: 0 };
  let maxError = 0;
  let reason: string | null = null;
  for (const check of checks) {
    const verdict = judgeOne(check, observed);
    maxError = Math.max(maxError, verdict.maxError);
    reason ??= verdict.reason;
  }
  return { reason, maxError };
}

function judgeOne(check: Check, observed: Observation): Judgement {
  switch (check.kind) {
    case 'tensor': {
      const actual = observed.tensors.get(check.what) ?? null;
      if (actual === null) return { reason: `${check.what}: expected a tensor, got none`, maxError: 0 };
      const { reason, maxError } = compareTensors(check.value, actual, check.tolerance);
      return { reason: reason === null ? null : `${check.what}: ${reason}`, maxError };
    }
    case 'absent': {
      const actual = observed.tensors.get(check.what) ?? null;
      return { reason: actual === null ? null : `${check.what}: expected none, got a tensor`, maxError: 0 };
    }
    case 'value': {
      const actual = JSON.stringify(observed.values.get(check.what));
      const expected = JSON.stringify(check.value);
      return { reason: actual === expected ? null : `${check.what}: expected ${expected}, got ${actual}`, maxError: 0 };
    }
    case 'throws':
      return { reason: 'expected an error, got none', maxError: 0 };
    default: {
      const never: never = check;
      return never;
    }
  }
}

/** Messages of the engine itself: such an error is a bug, whatever the case expects. */
const engineMessages =
  /is not a function|is not iterable|is not a constructor|Cannot (read|set|convert|access|mix)|Invalid (array|typed array) length|Maximum call stack|is not defined|undefined/;

function engineError(error: unknown): string | null {
  if (!(error instanceof Error)) return `not an Error was thrown: ${String(error)}`;
  const isEngines = error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
  return isEngines && engineMessages.test(error.message) ? `${error.name}: ${error.message}` : null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
