/// <reference types="@webgpu/types" />
/** Counts what reaches the GPU, by wrapping the browser's own methods before a peer is loaded: the same wrapping for every peer. */
import type { GpuCalls } from '../job.js';

const calls = { submissions: 0, dispatches: 0 };

/** Puts a count before a method that stays as it is. */
function counted<Name extends string>(
  prototype: { [Method in Name]: (...inputs: never[]) => unknown },
  name: Name,
  count: () => void,
): void {
  const original = prototype[name] as (...inputs: unknown[]) => unknown;
  prototype[name] = function (this: unknown, ...inputs: unknown[]): unknown {
    count();
    return original.apply(this, inputs);
  } as (typeof prototype)[Name];
}

counted(GPUQueue.prototype, 'submit', () => calls.submissions++);
counted(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', () => calls.dispatches++);
counted(GPUComputePassEncoder.prototype, 'dispatchWorkgroupsIndirect', () => calls.dispatches++);

/** What `run` makes the GPU do, divided by `times`. */
export async function callsOf(times: number, run: () => Promise<unknown>): Promise<GpuCalls> {
  const before = { ...calls };
  await run();
  return {
    submissions: (calls.submissions - before.submissions) / times,
    dispatches: (calls.dispatches - before.dispatches) / times,
  };
}
