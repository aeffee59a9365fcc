/**
 * What this machine lacks that some tests want, each with the reason and the cure: its last line is an array of them as JSON, which `npm test` prints among what
 * was skipped. Owns the questions; the answers are the plug-ins' own.
 */
import type { AdapterDescription } from '@torchlet/device-webgpu';
import { buildAddon } from '../packages/device-cuda/scripts/build-addon.mjs';
import { buildStandin } from '../packages/device-cuda/standin/build.js';
import { chromiumPath } from './browser/chromium.js';
import { openDevice } from './devices.js';

const questions: readonly (() => Promise<string | null> | string | null)[] = [
  nvidia,
  () =>
    lacking('webgpu', (device) => {
      const { emulated, vendor, architecture } = (device as { readonly adapter: AdapterDescription }).adapter;
      return emulated
        ? `a GPU for WebGPU: the adapter here (${vendor} ${architecture}) runs on the CPU, so kernels are checked and not timed`
        : null;
    }),
  () => {
    try {
      chromiumPath();
      return null;
    } catch (error) {
      return `pages in a browser: ${(error as Error).message}`;
    }
  },
];

/** What there is of CUDA: a card, or else the driver stand-in, which is built here once before the tests that share it. */
async function nvidia(): Promise<string | null> {
  const unbuilt = await buildStandin()
    .then(buildAddon)
    .then(
      () => null,
      (error: Error) => error.message,
    );
  const noCard = await lacking('cuda', () => null);
  if (noCard === null) return unbuilt;
  const standin =
    unbuilt === null
      ? 'what is said to be on the driver stand-in executed PTX on the CPU, and says nothing of a card'
      : `nor can its stand-in be built: ${unbuilt.split('\n')[0]}`;
  return `an NVIDIA card: ${noCard}; ${standin}`;
}

/** Why the device called `name` does not open, else what `lacks` says of it. */
async function lacking(name: string, lacks: (device: object) => string | null): Promise<string | null> {
  try {
    const device = await openDevice(name);
    const answer = lacks(device);
    device.dispose();
    return answer;
  } catch (error) {
    return (error as Error).message;
  }
}

const answers: string[] = [];
for (const question of questions) {
  const answer = await question();
  if (answer !== null) answers.push(answer);
}
console.log(JSON.stringify(answers));
// A driver may keep threads.
process.exit(0);
