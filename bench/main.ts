/**
 * `npm run bench -- WORKLOAD`: reads the command line, finds the peers, measures them in rounds and prints one table.
 * Not here: what is measured (`workloads.ts`), how a peer is started (`peers.ts`) or timed (`rounds.ts`, `children/`), and what is measured on a card (`card/`).
 */
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchOnCard, cardUsage } from './card/bench.js';
import { count, fromCaller, runCommand, UsageError } from './command-line.js';
import { sharedInputs } from './data.js';
import { findInChromium, findPeer, nodeFlagsFor, type FoundPeer, type SkippedPeer } from './peers.js';
import { disagreements, resultOf, skippedResult, table, type BenchFile } from './report.js';
import { measure, type Measured } from './rounds.js';
import { peerNames, workloads, type PeerName, type Workload, type WorkloadName } from './workloads.js';

const USAGE = `usage: npm run bench -- WORKLOAD [--peers a,b] [--threads N] [--no-fma] [--rounds N] [--json FILE]
  WORKLOAD   ${Object.keys(workloads).join(', ')}
  --peers    who takes part, of ${peerNames.join(', ')}; all that are installed by default
  --threads  threads of Torchlet and PyTorch (1); the others have one in Node
  --no-fma   without fused multiply-add, as plain Node 20 runs
  --rounds   how often every peer is run, interleaved (3)
  --json     where the figures go
${cardUsage}
Peers in JavaScript are looked for in the folder that PEERS_DIR names, PyTorch and JAX with every python3 on the path.`;

/** The word for the workloads of a card, which have a command line of their own. */
const ON_CARD = 'cuda';

interface Options {
  readonly name: WorkloadName;
  readonly workload: Workload;
  readonly peers: readonly PeerName[];
  readonly threads: number;
  readonly fma: boolean;
  readonly rounds: number;
  readonly json: string | undefined;
}

const isOneOf = <T extends string>(names: readonly T[], name: string): name is T =>
  (names as readonly string[]).includes(name);

function readOptions(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      peers: { type: 'string' },
      threads: { type: 'string', default: '1' },
      'no-fma': { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      json: { type: 'string' },
    },
  });
  const [name, ...more] = positionals;
  const names = Object.keys(workloads) as WorkloadName[];
  if (name === undefined || more.length > 0 || !isOneOf(names, name)) {
    throw new UsageError(`expected one workload of ${names.join(', ')}, got ${positionals.join(' ') || 'none'}`);
  }
  const workload: Workload = workloads[name];
  const asked = values.peers?.split(',') ?? workload.peers;
  for (const peer of asked) {
    if (!isOneOf(peerNames, peer))
      throw new UsageError(`--peers: expected names of ${peerNames.join(', ')}, got ${peer}`);
    if (!workload.peers.includes(peer)) throw new UsageError(`--peers: ${peer} has no part in ${name}`);
  }
  return {
    name,
    workload,
    peers: workload.peers.filter((peer) => asked.includes(peer)),
    threads: count('threads', values.threads),
    fma: !values['no-fma'],
    rounds: count('rounds', values.rounds),
    json: values.json === undefined ? undefined : fromCaller(values.json),
  };
}

/** The second half of the work of a run: what came out, on the terminal and in the file. */
function show(
  options: Options,
  fma: boolean,
  measurements: readonly Measured[],
  skipped: readonly SkippedPeer[],
): number {
  const cpu = os.cpus()[0]?.model ?? 'unknown processor';
  console.log(`\n${options.name}: ${options.workload.title}`);
  console.log(`Node ${process.version}, ${cpu}, fused multiply-add ${fma ? 'on' : 'off'}, rounds: ${options.rounds}`);
  if (measurements.length > 0) console.log(table(measurements));
  for (const { peer, skipped: reason } of skipped) console.log(`${peer}: skipped: ${reason}`);
  const failures = measurements.flatMap(({ peer, case: { name }, failed }) =>
    failed === undefined ? [] : [`${peer.peer}${name === undefined ? '' : `, ${name}`}: failed: ${failed}`],
  );
  const differences = disagreements(measurements);
  for (const line of failures) console.log(line);
  for (const line of differences) console.log(`not the same work: ${line}`);
  if (options.json !== undefined) {
    const file: BenchFile = {
      workload: options.name,
      node: process.version,
      cpu,
      fma,
      results: [...measurements.map(resultOf), ...skipped.map(skippedResult)],
    };
    writeFileSync(options.json, `${JSON.stringify(file, null, 2)}\n`);
  }
  const oursFailed = measurements.some(({ peer, failed }) => peer.peer === 'torchlet' && failed !== undefined);
  return differences.length > 0 || oursFailed ? 1 : 0;
}

async function run(options: Options): Promise<number> {
  const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
  const peersDir = process.env['PEERS_DIR'] === undefined ? undefined : fromCaller(process.env['PEERS_DIR']);
  const { flags, fma } = nodeFlagsFor(options.fma);
  if (fma !== options.fma) console.log(`this Node cannot turn fused multiply-add ${options.fma ? 'on' : 'off'}`);
  const surroundings = { env: process.env, peersDir, threads: options.threads, nodeFlags: flags };
  const find = options.workload.chromium ? findInChromium : findPeer;
  const looked = options.peers.map((peer) => find(peer, surroundings));
  const found = looked.filter((peer): peer is FoundPeer => 'launch' in peer);
  const skipped = looked.filter((peer): peer is SkippedPeer => 'skipped' in peer);
  const job = {
    threads: options.threads,
    fma: options.fma,
    data: sharedInputs(peersDir, path.join(root, 'node_modules', '.cache', 'torchlet-bench')),
    budgetMs: 1000,
  };
  const measurements: Measured[] = [];
  for (const measured of options.workload.cases) {
    measurements.push(
      ...(await measure(measured, found, {
        count: options.rounds,
        job,
        onStart: (peer, { name }, round) =>
          console.log(`round ${round + 1} of ${options.rounds}: ${peer.peer}${name === undefined ? '' : `, ${name}`}`),
      })),
    );
  }
  return show(options, fma, measurements, skipped);
}

const [first, ...rest] = process.argv.slice(2);
await runCommand(USAGE, () => (first === ON_CARD ? benchOnCard(rest) : run(readOptions(process.argv.slice(2)))));
