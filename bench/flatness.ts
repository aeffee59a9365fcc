/** What a soak run looks at and when it is flat. Not here: what is run meanwhile (`soak.ts`). */
import v8 from 'node:v8';
import vm from 'node:vm';
import type { Device } from '@torchlet/device';

export interface Sample {
  readonly step: number;
  /** Bytes and number of live device buffers. */
  readonly bytes: number;
  readonly buffers: number;
  /** JavaScript heap after a forced collection, and resident size, in bytes. */
  readonly heapUsed: number;
  readonly rss: number;
}

/** By how much heap and resident size may grow after warm-up. */
const GROWTH = 0.05;

/** The collector of this process, as `--expose-gc` would show it. */
function collector(): () => void {
  v8.setFlagsFromString('--expose-gc');
  return vm.runInNewContext('gc') as () => void;
}

const collect = collector();

/** Looks at the process after two collections with a macrotask between, so that finalisers have run. */
export async function takeSample(step: number, device: Device): Promise<Sample> {
  collect();
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const { allocated, buffers } = device.memory();
  const { heapUsed, rss } = process.memoryUsage();
  return { step, bytes: allocated, buffers, heapUsed, rss };
}

/** What grew between two samples, one line each; none means flat. */
export function growth(warm: Sample, last: Sample): string[] {
  const lines: string[] = [];
  for (const key of ['bytes', 'buffers'] as const) {
    if (last[key] !== warm[key]) {
      lines.push(`device ${key}: ${warm[key]} at step ${warm.step}, ${last[key]} at step ${last.step}`);
    }
  }
  for (const key of ['heapUsed', 'rss'] as const) {
    const grown = last[key] / warm[key] - 1;
    if (grown >= GROWTH) {
      lines.push(`${key}: grew by ${(grown * 100).toFixed(1)} % from step ${warm.step} to step ${last.step}`);
    }
  }
  return lines;
}
