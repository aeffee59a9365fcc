/**
 * What a helping thread runs, as text: it waits for jobs, makes an instance of a program at its first job, and takes part. Owns the
 * JavaScript side of the protocol in `control.ts`. A job is read between two looks at its counter: if that moved, another
 * is being written. A job without code was withdrawn.
 */
import { control } from './control.js';

/** Programs that a thread keeps instances of. */
const keptPrograms = 64;

/** The script of a worker, in Node and in browsers. It begins at its first message: { memory, words, thread }. */
export const workerSource = `
const instances = new Map();
function instanceOf(id, code, memory) {
  let work = instances.get(id);
  if (work === undefined) {
    work = new WebAssembly.Instance(new WebAssembly.Module(code()), { env: { memory }, Math }).exports.work;
    if (instances.size >= ${keptPrograms}) instances.delete(instances.keys().next().value);
    instances.set(id, work);
  }
  return work;
}
function begin({ memory, words, thread }) {
  const at = (offset) => (words + offset) / 4;
  const view = new Int32Array(memory.buffer);
  const jobWord = at(${control.job});
  let seen = 0;
  for (;;) {
    Atomics.wait(view, jobWord, seen);
    const job = Atomics.load(view, jobWord);
    if (job === seen || job % 2 !== 0) continue;
    const read = (offset) => view[at(offset)];
    const same = () => Atomics.load(view, jobWord) === job;
    const [id, block, scratch, low, high] = [${control.program}, ${control.block}, ${control.scratch}, ${control.sequenceLow}, ${control.sequenceHigh}].map(read);
    const own = scratch + thread * read(${control.scratchBytes});
    const code = new Uint8Array(memory.buffer).slice(read(${control.code}) >>> 0, (read(${control.code}) >>> 0) + read(${control.codeBytes}));
    if (!same()) continue;
    seen = job;
    if (code.length === 0) continue;
    try {
      instanceOf(id, () => code, memory)(block, own, low, high);
    } catch {
      Atomics.store(view, at(${control.failed}), 1);
    }
  }
}
if (typeof require === 'function') require('node:worker_threads').parentPort.once('message', begin);
else onmessage = (event) => begin(event.data);
`;
