/**
 * A progress bar an epoch on the terminal. Owns its text; it is drawn by cli-progress, and only where the output is a terminal.
 */

import { Presets, SingleBar } from 'cli-progress';
import type { Progress } from './progress.js';

/**
 * On standard error, so that standard output keeps the results alone.
 *
 * @example
 * await fit(5, 0.5, model, crossEntropy, trainLoader, validLoader, { progress: progressBar() });
 */
export function progressBar(): Progress {
  let bar: SingleBar | undefined;
  return {
    start({ epoch, epochs, steps }) {
      bar = new SingleBar(
        {
          stream: process.stderr,
          format: `epoch ${epoch}/${epochs} {bar} {value}/{total} | {rate} steps/s | loss {loss}`,
          barsize: 30,
          hideCursor: true,
          clearOnComplete: true,
          linewrap: null,
          gracefulExit: false,
        },
        Presets.shades_classic,
      );
      bar.start(steps, 0, { rate: '-', loss: '-' });
    },
    step({ step, stepsPerSecond, loss }) {
      bar?.update(step, { rate: stepsPerSecond.toFixed(0), loss: loss?.toFixed(4) ?? '-' });
    },
    stop() {
      bar?.stop();
      bar = undefined;
    },
  };
}
