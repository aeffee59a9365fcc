/** Ends as its argument says, with a device in the middle of its work. What it prints and how long it takes is what the test looks at. */
import { cuda } from '../../src/index.js';
import { watchStandin } from '../../standin/watch.js';
import { compute, expected, submit } from './work.js';

const turns = 1000;
/** Longer on the stand-in than any test waits. */
const manyTurns = 200_000_000;

const ends: Readonly<Record<string, () => Promise<void>>> = {
  /** Nobody waits, and nothing is disposed. */
  'by itself': async () => {
    void compute(await cuda(), turns).then((value) => console.log(value === expected(turns)));
  },
  'by process.exit': async () => {
    void compute(await cuda(), turns).then(() => console.log('read'));
    process.exit(0);
  },
  'by process.exit in the middle of a kernel': async () => {
    const device = await cuda();
    void submit(device, manyTurns).ticket.done?.then(() => console.log('done'));
    // The kernel runs when somebody waits for it, and a thread does.
    await new Promise((wake) => setTimeout(wake, 100));
    process.exit(0);
  },
  'by an error that nobody catches': async () => {
    void compute(await cuda(), turns).then(() => console.log('read'));
    throw new Error('on purpose');
  },
  'after dispose, with a read under way': async () => {
    const device = await cuda();
    const read = compute(device, turns);
    device.dispose();
    await read.catch((error: Error) => console.log(error.message));
    console.log(JSON.stringify((await watchStandin()).alive()));
  },
  'with devices dropped': async () => {
    for (let i = 0; i < 3; i++) await compute(await cuda(), turns);
    for (let i = 0; i < 10 && (await watchStandin()).alive()['contexts'] !== 0; i++) {
      globalThis.gc?.();
      await new Promise((wake) => setImmediate(wake));
    }
    console.log(JSON.stringify((await watchStandin()).alive()));
  },
};

await ends[process.argv[2] ?? '']?.();
