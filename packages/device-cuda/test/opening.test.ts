/** What is told where a card is asked for: what there is, and why there is none. Each case is a process, as the driver is opened once in one. */
import { describe, expect, it } from 'vitest';
import { child } from './child.js';
import { noStandin, onStandin } from './standin-driver.js';

const memory = 2 ** 26;

/** A failure of each of the three questions that `opens` asks. */
const thrice = (call: string, code: number): string => Array.from({ length: 3 }, () => `${call}:1:${code}`).join();

async function told(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const { code, signal, lines, errors } = await child('opens', args, environment);
  expect({ code, signal, errors }).toEqual({ code: 0, signal: null, errors: '' });
  return JSON.parse(lines[0] ?? '');
}

describe.skipIf(noStandin !== null)(onStandin('a card is asked for'), () => {
  it('among several: the one of that number, with what it says of itself; and what it has is all there is', async () => {
    const said = await told(['2'], { TORCHLET_STANDIN_DEVICES: '3', TORCHLET_STANDIN_MEMORY: String(memory) });
    expect(said).toMatchObject({
      available: true,
      count: 3,
      name: 'cuda:2',
      index: 2,
      computeCapability: '8.0',
      driver: '13.0',
    });
    expect(said).toMatchObject({ card: 'Torchlet stand-in (PTX on the CPU)', total: memory, freeBytes: memory });
    expect(said.kind).toBe('OutOfMemoryError');
    expect(said.full).toMatch(
      /^cuda:2: out of memory: 16777216 bytes were asked for \(large \d\), \d+ of 67108864 bytes are in use; the largest: /,
    );
  });

  it('with a budget: no more than that', async () => {
    expect(await told(['0', String(2 ** 25)])).toMatchObject({
      kind: 'OutOfMemoryError',
      full: expect.stringMatching(
        /16777216 bytes were asked for \(large 2\), 33554432 of 33554432 bytes are in use; the largest: large 0/,
      ),
    });
  });

  it.each([
    ['11', '11080', 'always', 'off'],
    ['12', '12000', '', 'auto'],
  ])(
    'of compute capability 9.0 with a driver of CUDA %s: whether it has warpgroups',
    async (_, version, use, wgmma) => {
      const environment = {
        TORCHLET_STANDIN_MEMORY: String(memory),
        TORCHLET_STANDIN_CAPABILITY: '90',
        TORCHLET_STANDIN_VERSION: version,
        TORCHLET_CUDA_WGMMA: use,
      };
      expect(await told([], environment)).toMatchObject({ available: true, wgmma });
    },
  );

  it.each([
    ['of a number that there is not', ['1'], {}, 'there is no card 1: the driver shows 1, counted from 0'],
    ['of no number', ['-1'], {}, 'there is no card -1: the driver shows 1, counted from 0'],
  ])('%s', async (_, args, environment, reason) => {
    expect(await told(args, environment)).toEqual({ available: true, count: 1, reason });
  });

  it.each([
    [
      'where the driver sees none',
      { TORCHLET_STANDIN_DEVICES: '0' },
      /cuInit of .* failed with CUDA_ERROR_NO_DEVICE \(100\): .*check nvidia-smi and CUDA_VISIBLE_DEVICES, or start the container with --gpus all/,
    ],
    [
      'where the driver is too old',
      { TORCHLET_STANDIN_VERSION: '11020' },
      /is the driver of CUDA 11\.2, which is too old: install driver 470 \(CUDA 11\.4\) or later/,
    ],
    [
      "where the toolkit's stub lies in the way",
      { TORCHLET_STANDIN_FAIL: thrice('cuInit', 34) },
      /the toolkit's stub, not the driver: take its folder out of LD_LIBRARY_PATH/,
    ],
    [
      "where the driver's parts differ",
      { TORCHLET_STANDIN_FAIL: thrice('cuInit', 803) },
      /differ in version: restart the machine/,
    ],
    [
      'where another process has it for itself',
      { TORCHLET_STANDIN_FAIL: 'cuDevicePrimaryCtxRetain:1:46' },
      /cuDevicePrimaryCtxRetain failed with .*\(46\)\. Another process has the card for itself/,
    ],
    [
      'where no library is',
      { TORCHLET_LIBCUDA: '/nowhere/libcuda.so.1' },
      /TORCHLET_LIBCUDA names \/nowhere\/libcuda\.so\.1/,
    ],
    [
      'where no addon is',
      { TORCHLET_CUDA_ADDON: '/nowhere/a.node' },
      /TORCHLET_CUDA_ADDON names no addon that loads here/,
    ],
  ])('%s: the reason', async (_, environment, reason) => {
    expect((await told([], environment)).reason).toMatch(reason);
  });
});
