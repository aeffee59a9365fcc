import { printProgram } from '@torchlet/device';
import { describe, expect, it } from 'vitest';
import { cpu, enableRelaxedSimd } from '../src/index.js';
import { check, randomArrays, randomNumbers } from './execute.js';
import { RandomPrograms } from './random-program.js';

const programs = Number(process.env['TORCHLET_FUZZ'] ?? 120);

describe('random programs', () => {
  it.each([false, true])(
    'give what the interpreter gives, with fused multiply-add: %s',
    async (fused) => {
      if (fused && !enableRelaxedSimd()) return;
      const device = await cpu({ fma: fused });
      for (let seed = 0; seed < programs; seed++) {
        const random = randomNumbers(seed);
        const program = new RandomPrograms(random).program();
        const scalars = program.scalars.map((dtype) => (dtype === 'int64' ? 5n : dtype === 'bool' ? 1 : 2));
        const found = await check(device, program, randomArrays(program, random, seed % 3 === 0), scalars).catch(
          (error: unknown) => String(error),
        );
        expect(found, `seed ${seed}\n${printProgram(program)}`).toBeNull();
      }
    },
    300_000,
  );
});
