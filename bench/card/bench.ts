/**
 * `npm run bench -- cuda`: the cases alone, on a card or on WebGPU in Node, beside the peers that run there. Owns this command line; everything else is a run on
 * a card (`command.ts`).
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fromCaller, UsageError } from '../command-line.js';
import { type CardRun, pattern, positive, runOnCard } from './command.js';
import type { PartName } from './parts.js';

/** The parts that measure on a device, and who takes part. */
const measuredOn: Readonly<Record<string, { readonly parts: readonly PartName[]; readonly peers: readonly string[] }>> =
  {
    cuda: { parts: ['bench', 'peers'], peers: ['torchlet', 'pytorch', 'jax'] },
    'cuda-standin': { parts: ['bench', 'peers'], peers: ['torchlet', 'pytorch', 'jax'] },
    webgpu: { parts: ['webgpu-bench'], peers: ['torchlet', 'jax-js'] },
  };

export const cardUsage = `       npm run bench -- cuda [--device ${Object.keys(measuredOn).join('|')}] [--tiny] [--peers a,b] [--only REGEX] [--seconds S] [--minutes M] [--out DIR]
  --device   where Torchlet runs (cuda); on the driver stand-in, and with --tiny, sizes are minute and no time is a measurement
  --peers    of ${[...new Set(Object.values(measuredOn).flatMap(({ peers }) => peers))].join(', ')}, where they run on the device
  --only     cases whose name it finds
  --seconds  for each case (1)
  --minutes  all of it (20)
  --out      where lines.jsonl and table.md go`;

/** @param args what follows the workload's name. @returns the exit code. @throws UsageError, NoSuchDevice */
export async function benchOnCard(args: string[]): Promise<number> {
  return runOnCard(readOptions(args));
}

function readOptions(args: string[]): CardRun {
  const { values } = parseArgs({
    args,
    options: {
      device: { type: 'string', default: 'cuda' },
      tiny: { type: 'boolean', default: false },
      peers: { type: 'string' },
      only: { type: 'string' },
      seconds: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '20' },
      out: { type: 'string' },
    },
  });
  const { device } = values;
  const there = Object.hasOwn(measuredOn, device) ? measuredOn[device] : undefined;
  if (there === undefined)
    throw new UsageError(`--device: expected ${Object.keys(measuredOn).join(', ')}, got ${device}`);
  const peers = values.peers?.split(',') ?? there.peers;
  const unknown = peers.find((peer) => !there.peers.includes(peer));
  if (unknown !== undefined)
    throw new UsageError(`--peers: expected names of ${there.peers.join(', ')} on ${device}, got ${unknown}`);
  return {
    device,
    scale: values.tiny || device === 'cuda-standin' ? 'tiny' : 'full',
    parts: there.parts,
    peers,
    only: pattern('only', values.only),
    seconds: positive('seconds', values.seconds),
    minutes: positive('minutes', values.minutes),
    out: values.out === undefined ? null : fromCaller(values.out),
    entry: path.join(path.dirname(fileURLToPath(import.meta.url)), 'main.ts'),
  };
}
