/**
 * Every kernel of the suites and of the golden cases by the assembler of the CUDA toolkit, for every kind of card, as it is generated for that card. The
 * programs are taken down while they run on the driver stand-in. `packages/device-cuda/test/generate.test.ts` shows a representative part in `npm test`.
 */
import { conformanceSuites, countingDevice, runGoldens } from '@torchlet/conformance';
import { readGoldens } from '@torchlet/conformance/node';
import type { Capabilities, Device, Program } from '@torchlet/device';
import { beforeAll, describe, expect, it } from 'vitest';
import { generate } from '../../packages/device-cuda/src/generate.js';
import { cudaStandin, standinOpener } from '../../packages/device-cuda/standin/open.js';
import { assemble, noAssembler } from '../../packages/device-cuda/test/assembler.js';
import { npmDigits } from '../digits.js';
import { noStandin } from '../standin.js';

/** A card of each kind, by what generation asks of it. */
const cards = {
  sm_80: { computeCapability: 80, multiprocessors: 108 },
  sm_86: { computeCapability: 86, multiprocessors: 84 },
  sm_89: { computeCapability: 89, multiprocessors: 128 },
  sm_90: { computeCapability: 90, multiprocessors: 132 },
  // With all products by warpgroups that they can do; stages of those take more memory.
  sm_90a: { computeCapability: 90, multiprocessors: 132, sharedBytesPerBlock: 232448, wgmma: 'always' },
  sm_100: { computeCapability: 100, multiprocessors: 148 },
  sm_120: { computeCapability: 120, multiprocessors: 170 },
} as const;

const leastOfAll = { sharedBytesPerBlock: 49152, matmulPrecision: 'highest', wgmma: 'off' } as const;
/** Two blocks of 256 threads then fit a multiprocessor's 64 K registers. */
const mostRegisters = 128;
/** What is kept across the call of a function, or where registers are bounded for a second block's sake. */
const mostSpilledBytes = 32;
const kernelsInModule = 400;

/** What the suites and the golden cases compile. */
const programs: Program[] = [];
let capabilities: Capabilities;

function collecting(device: Device): Device {
  const { device: wrapped } = countingDevice(device);
  return {
    ...wrapped,
    compile(program) {
      const compiled = wrapped.compile(program);
      programs.push(program);
      return compiled;
    },
  };
}

const entryStart = /^(?=\/\/ .*\n\.visible \.entry )/m;

/** Kernels that differ, many in a module: those that need the same functions of the same text before them. */
function modules(card: (typeof cards)[keyof typeof cards]): string[] {
  const target = { ...leastOfAll, ...card };
  const known = new Set<string>();
  const kernels = new Map<string, string[]>();
  for (const program of programs) {
    const [head = '', ...entries] = generate('cuda', program, capabilities, target).ptx.split(entryStart);
    for (const entry of entries) {
      const text = entry.slice(entry.indexOf('('));
      if (known.has(text)) continue;
      known.add(text);
      kernels.set(head, [...(kernels.get(head) ?? []), entry.replace(/\.entry (\w+)/, `.entry $1_${known.size}`)]);
    }
  }
  return [...kernels].flatMap(([head, entries]) =>
    Array.from({ length: Math.ceil(entries.length / kernelsInModule) }, (_, i) =>
      [head, ...entries.slice(i * kernelsInModule, (i + 1) * kernelsInModule)].join('\n'),
    ),
  );
}

const goldens = process.env['TORCHLET_GOLDENS'];
const groups = goldens === undefined ? [] : await readGoldens(goldens);
const reason = noStandin ?? noAssembler;

describe.skipIf(reason !== null)(`the assembler${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  beforeAll(async () => {
    for (const { tests, close } of conformanceSuites({
      ...standinOpener(),
      open: async () => collecting(await cudaStandin()),
    })) {
      for (const test of tests) await test.run();
      await close();
    }
    const device = await cudaStandin();
    ({ capabilities } = device);
    await runGoldens(collecting(device), groups, { digits: npmDigits });
    device.dispose();
  }, 600_000);

  it.each(Object.entries(cards))('takes every kernel for %s within its budget', (architecture, card) => {
    const texts = modules(card);
    expect(texts.some((text) => text.includes('by warpgroups'))).toBe(architecture === 'sm_90a');
    const usages = texts.flatMap((text) => assemble(text, architecture));
    expect(usages.length).toBeGreaterThan(5000);
    expect(usages.filter(({ registers }) => registers > mostRegisters)).toEqual([]);
    expect(usages.filter(({ spilledBytes }) => spilledBytes > mostSpilledBytes)).toEqual([]);
    const spilling = usages.filter(({ spilledBytes }) => spilledBytes > 0).length;
    const most = Math.max(...usages.map(({ registers }) => registers));
    console.log(`${architecture}: ${usages.length} kernels, at most ${most} registers, ${spilling} spill a few bytes`);
  });
});
