/** What the inner loop of a product's text holds, by kind of instruction. */
import type { Launch } from '../src/generated.js';

/** Instructions of one turn of the loop over tiles: all its pieces together, for one thread. */
export interface LoopCounts {
  readonly multiplications: number;
  readonly sharedLoads: number;
  readonly sharedStores: number;
  readonly globalLoads: number;
  readonly copies: number;
  readonly barriers: number;
  readonly others: number;
}

const kinds: readonly (readonly [keyof LoopCounts, RegExp])[] = [
  ['multiplications', /^(fma|mma|wgmma\.mma_async)\./],
  ['sharedLoads', /^(ld\.shared|ldmatrix)/],
  ['sharedStores', /^st\.shared/],
  ['globalLoads', /^ld\.global/],
  ['copies', /^cp\.async\.c[ag]\./],
  ['barriers', /^bar\./],
];

/** Counts the loop over tiles of `entry`. @throws Error where it has none. */
export function countLoop(ptx: string, { entry }: Launch): LoopCounts {
  const lines = ptx
    .slice(ptx.indexOf(`.entry ${entry}(`))
    .split('\n')
    .map((line) => line.trim().replace(/^@!?\S+ /, ''));
  const start = lines.indexOf('$tile_0:');
  if (start < 0) throw new Error(`${entry} has no loop over tiles`);
  const body = lines.slice(start + 1, lines.indexOf('bra $tile_0;', start)).filter((line) => /^[a-z]/.test(line));
  const counts = {
    multiplications: 0,
    sharedLoads: 0,
    sharedStores: 0,
    globalLoads: 0,
    copies: 0,
    barriers: 0,
    others: 0,
  };
  for (const line of body) counts[kinds.find(([, pattern]) => pattern.test(line))?.[0] ?? 'others']++;
  return counts;
}
