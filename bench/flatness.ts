/** When a soak run is flat. Not here: what is run (`soak-training.ts`), how memory is looked at (`soak-node.ts`, `chromium/soak-page.ts`). */

/** Bytes and number of live buffers of the device. */
export interface DeviceSample {
  readonly step: number;
  readonly bytes: number;
  readonly buffers: number;
}

/** After a forced collection. */
export interface Sample extends DeviceSample {
  /** Bytes of the JavaScript heap. */
  readonly heapUsed: number;
  /** Resident bytes of the process; null where they say nothing: in a browser, or while uploads wait for the device. */
  readonly rss: number | null;
}

/** A training: the sample after its warm-up, what was seen of the device meanwhile, the sample at its end. */
export interface Soaked {
  readonly warm: Sample;
  readonly between: readonly DeviceSample[];
  readonly last: Sample;
  readonly loss: number;
}

/** By how much heap and resident size may grow after warm-up. */
const GROWTH = 0.05;

/** What grew after warm-up, one line each; none means flat. */
export function growth({ warm, between, last, loss }: Soaked): string[] {
  const lines: string[] = [];
  for (const key of ['bytes', 'buffers'] as const) {
    if (last[key] !== warm[key]) {
      lines.push(`device ${key}: ${warm[key]} at step ${warm.step}, ${last[key]} at step ${last.step}`);
    }
    const most = between.find((sample) => sample[key] > warm[key]);
    if (most !== undefined) {
      lines.push(`device ${key}: ${warm[key]} at step ${warm.step}, ${most[key]} at step ${most.step}`);
    }
  }
  for (const key of ['heapUsed', 'rss'] as const) {
    const [before, after] = [warm[key], last[key]];
    const grown = before === null || after === null ? 0 : after / before - 1;
    if (grown >= GROWTH) {
      lines.push(`${key}: grew by ${(grown * 100).toFixed(1)} % from step ${warm.step} to step ${last.step}`);
    }
  }
  if (!Number.isFinite(loss)) lines.push(`the loss at the last step is ${loss}`);
  return lines;
}
