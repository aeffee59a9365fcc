/**
 * `npm run card`: everything that must be proven on a real card, in one go and with nothing but Node: probe, suites, goldens, the tutorial, flatness, the cases
 * beside their peers, WebGPU. Owns the command line; the parts are `parts.ts`. A packed run (`pack.ts`) is this file in one bundle.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fromCaller, runCommand, UsageError } from '../command-line.js';
import { type CardRun, pattern, positive, runOnCard } from './command.js';
import { partNames } from './parts.js';
import { runTask, taskWord } from './tasks/tasks.js';

const devices: readonly string[] = ['cuda', 'cuda-standin'];

const USAGE = `usage: npm run card -- [--device ${devices.join('|')}] [--parts a,b] [--tiny] [--only REGEX] [--seconds S] [--minutes M] [--out DIR]
  --device   the card (cuda), or the driver stand-in, on which a run is rehearsed and no time is a measurement
  --parts    of ${partNames.join(', ')}; all in this order
  --tiny     minute sizes and a share of the tests: shows that everything runs (always so on the stand-in)
  --only     cases whose name it finds
  --seconds  for each case (0.5)
  --minutes  the whole run (9.5)
  --out      where lines.jsonl and table.md go`;

function readOptions(args: string[]): CardRun {
  const { values } = parseArgs({
    args,
    options: {
      device: { type: 'string', default: 'cuda' },
      parts: { type: 'string' },
      tiny: { type: 'boolean', default: false },
      only: { type: 'string' },
      seconds: { type: 'string', default: '0.5' },
      minutes: { type: 'string', default: '9.5' },
      out: { type: 'string' },
    },
  });
  const { device } = values;
  if (!devices.includes(device)) throw new UsageError(`--device: expected ${devices.join(' or ')}, got ${device}`);
  const asked: readonly string[] = values.parts?.split(',') ?? partNames;
  const unknown = asked.find((name) => !(partNames as readonly string[]).includes(name));
  if (unknown !== undefined) throw new UsageError(`--parts: expected names of ${partNames.join(', ')}, got ${unknown}`);
  return {
    device,
    scale: values.tiny || device === 'cuda-standin' ? 'tiny' : 'full',
    parts: partNames.filter((part) => asked.includes(part)),
    peers: null,
    only: pattern('only', values.only),
    seconds: positive('seconds', values.seconds),
    minutes: positive('minutes', values.minutes),
    out: values.out === undefined ? null : fromCaller(values.out),
    entry: fileURLToPath(import.meta.url),
  };
}

const [word, ...rest] = process.argv.slice(2);
if (word === taskWord) await runTask(rest);
await runCommand(USAGE, () => runOnCard(readOptions(process.argv.slice(2))));
