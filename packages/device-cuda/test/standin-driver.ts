/**
 * The stand-in's driver called straight from a test: buffers, modules, launches, with nothing of the addon between. What
 * fails throws the driver's code and the stand-in's report.
 */
import { buildAddon, CannotBuild } from '../scripts/build-addon.mjs';
import { type Argument, type StandinLibrary, standinLibrary } from '../standin/library.js';

// The addon, too: who opens a device in a hook has no time to build it.
const found = await Promise.all([standinLibrary(), buildAddon()]).then(
  ([library]) => library,
  (error: Error) => {
    if (error instanceof CannotBuild) return error;
    throw error;
  },
);

/** Why the stand-in or the addon over it cannot be built here, or null. */
export const noStandin: string | null = found instanceof CannotBuild ? found.message : null;

/** A suite's title, which tells results on the stand-in from a card's, with the reason where it will be skipped. */
export function onStandin(name: string): string {
  const title = `${name}, on the driver stand-in`;
  return noStandin === null ? title : `${title} (skipped: ${noStandin})`;
}

export const standin: StandinLibrary = found instanceof CannotBuild ? refusing(found) : found;

/** Calls the driver. @throws Error with the code and the report, if it fails */
export function driver(name: string, ...values: readonly Argument[]): void {
  const code = standin.call(name, ...values);
  if (code !== 0) throw new Error(`${name}: ${code} ${standin.text('standin_report')}`);
}

/** What a call writes into its first argument. */
export function handle(name: string, ...values: readonly Argument[]): bigint {
  const cell = new BigUint64Array(1);
  driver(name, cell, ...values);
  return cell[0] ?? 0n;
}

export const stream = noStandin === null ? opened() : 0n;

function opened(): bigint {
  driver('cuInit', 0);
  driver('cuCtxSetCurrent', handle('cuDevicePrimaryCtxRetain', 0));
  return handle('cuStreamCreate', 1);
}

function refusing(reason: Error): StandinLibrary {
  const refuse = (): never => {
    throw reason;
  };
  return { call: refuse, text: refuse, addressOf: refuse };
}

/** @throws Error with the log of what does not assemble */
export function loadModule(ptx: string): bigint {
  const log = new Uint8Array(4096);
  const values = new BigUint64Array([standin.addressOf(log), BigInt(log.length)]);
  const module = new BigUint64Array(1);
  const code = standin.call('cuModuleLoadDataEx', module, ptx, 2, new Int32Array([5, 6]), values);
  if (code !== 0) throw new Error(`${code} ${new TextDecoder().decode(log.subarray(0, log.indexOf(0)))}`);
  return module[0] ?? 0n;
}

/** What is for every card, and what is for those that have warpgroups. */
export const everyCard = '.version 7.0\n.target sm_80';
export const cardsWithWarpgroups = '.version 8.0\n.target sm_90a';

/** A module of one entry named `k`. @throws Error with the log of what does not assemble */
export function load(
  body: string,
  parameters = '.param .u64 p0',
  target = everyCard,
): { module: bigint; entry: bigint } {
  const module = loadModule(`${target}\n.address_size 64\n.visible .entry k(${parameters})\n{\n${body}\n}\n`);
  return { module, entry: handle('cuModuleGetFunction', module, 'k') };
}

/** Puts a launch of one block into the stream; nothing has run when this returns. */
export function launch(entry: bigint, threads: number, address: bigint): void {
  const argument = new BigUint64Array([address]);
  const pointers = new BigUint64Array([standin.addressOf(argument)]);
  driver('cuLaunchKernel', entry, 1, 1, 1, threads, 1, 1, 0, stream, pointers, 0);
}

/** Runs a kernel on one buffer of 32-bit words, and gives what it holds after. */
export function run(body: string, threads: number, words: Uint32Array<ArrayBuffer>, target = everyCard): Uint32Array {
  const { module, entry } = load(body, undefined, target);
  const memory = handle('cuMemAlloc_v2', words.byteLength);
  try {
    driver('cuMemcpyHtoD_v2', memory, words, words.byteLength);
    launch(entry, threads, memory);
    driver('cuStreamSynchronize', stream);
    const made = new Uint32Array(words.length);
    driver('cuMemcpyDtoH_v2', made, memory, made.byteLength);
    return made;
  } finally {
    standin.call('standin_recover');
    driver('cuMemFree_v2', memory);
    driver('cuModuleUnload', module);
  }
}
