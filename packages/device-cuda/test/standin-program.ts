/**
 * Programs that were generated, run on the stand-in without the runtime: memory for their slots, their steps in order, and what the accesses would have
 * cost a card. Owns that; what is expected of results is the tests'.
 */
import type { Capabilities, Program } from '@torchlet/device';
import { generate } from '../src/generate.js';
import type { Argument, Generated, Target } from '../src/generated.js';
import { driver, handle, loadModule, standin, stream } from './standin-driver.js';

/** What one kernel did, in all its launches; see `standin/execute/traffic.h`. */
export interface Work {
  readonly launches: number;
  readonly warpInstructions: number;
  /** Products of warpgroups, as warps asked for them. */
  readonly groupProducts: number;
  readonly threadInstructions: number;
  readonly globalRequests: number;
  readonly globalSectors: number;
  readonly globalLeast: number;
  readonly sharedRequests: number;
  readonly sharedWavefronts: number;
  readonly sharedLeast: number;
}

export interface Ran {
  readonly generated: Generated;
  /** What each slot holds after. */
  readonly slots: readonly Float32Array[];
  /** By entry. */
  readonly work: Readonly<Record<string, Work>>;
}

const capabilities = { alignment: 256 } as Capabilities;

/**
 * Runs a program on slots of these bytes.
 *
 * @param given by slot; of halves and integers the bits, four bytes at once. @param scalars float32, by number
 * @param edited what is made of the text before it runs, for tests of what the stand-in tells of wrong kernels
 */
export function runProgram(
  program: Program,
  target: Target,
  given: readonly Float32Array<ArrayBuffer>[],
  scalars: readonly number[] = [],
  edited: (ptx: string) => string = (ptx) => ptx,
): Ran {
  const generated = generate('cuda', program, capabilities, target);
  const memory = given.map((values) => {
    const address = handle('cuMemAlloc_v2', Math.max(4, values.byteLength));
    driver('cuMemcpyHtoD_v2', address, values, values.byteLength);
    return address;
  });
  const scratch = handle('cuMemAlloc_v2', Math.max(4, generated.scratchBytes));
  const numbers = Float32Array.from(scalars.flatMap((scalar) => [scalar, 0]));
  const scalarMemory = handle('cuMemAlloc_v2', Math.max(4, numbers.byteLength));
  driver('cuMemcpyHtoD_v2', scalarMemory, numbers, numbers.byteLength);
  const module = loadModule(edited(generated.ptx));
  const addressOf = (argument: Argument): bigint => {
    if (argument.kind === 'slot') return memory[argument.slot] as bigint;
    return argument.kind === 'scratch' ? scratch + BigInt(argument.offset) : scalarMemory;
  };
  try {
    standin.text('standin_work');
    standin.call('standin_traffic', 1);
    for (const step of generated.steps) {
      if (step.kind !== 'launch') throw new Error(`a step of kind ${step.kind} is not run here`);
      const entry = handle('cuModuleGetFunction', module, step.entry);
      if (step.sharedBytes > 0) driver('cuFuncSetAttribute', entry, 8, step.sharedBytes);
      const values = BigUint64Array.from(step.arguments, addressOf);
      const pointers = BigUint64Array.from(values, (_, i) => standin.addressOf(values) + 8n * BigInt(i));
      driver('cuLaunchKernel', entry, ...step.grid, ...step.block, step.sharedBytes, stream, pointers, 0);
    }
    driver('cuStreamSynchronize', stream);
    const slots = given.map((values, i) => {
      const made = new Float32Array(values.length);
      driver('cuMemcpyDtoH_v2', made, memory[i] as bigint, made.byteLength);
      return made;
    });
    return { generated, slots, work: JSON.parse(standin.text('standin_work')) as Record<string, Work> };
  } finally {
    standin.call('standin_traffic', 0);
    standin.call('standin_recover');
    for (const address of [...memory, scratch, scalarMemory]) driver('cuMemFree_v2', address);
    driver('cuModuleUnload', module);
  }
}
