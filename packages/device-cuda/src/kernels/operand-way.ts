/**
 * How elements of an operand of a product are taken from memory: along which axis they are neighbours, how many at once, and whether they can be copied past the
 * registers. Owns that analysis; `operand-tile.ts` does it.
 */
import { type Expression, loadsIn, type MatmulKernel } from '@torchlet/device';
import { LaneForms } from '@torchlet/device/analysis';
import { storedBytes } from '../ptx/dtypes.js';

/** Bytes of the widest access. */
export const chunkBytes = 16;
/** Fewest bytes of one copy past the registers. */
const leastCopied = 4;

export type Along = 'k' | 'outer';

/** A thread takes `unit` neighbours at once, copied or computed; neighbouring threads take neighbouring units. */
export interface Way {
  readonly along: Along;
  readonly unit: number;
  readonly isCopied: boolean;
}

/** The number of the axis of an operand's side; k is the axis after both. */
export function sideAxis({ batch }: MatmulKernel, operand: 'a' | 'b'): number {
  return batch.length + (operand === 'a' ? 0 : 1);
}

/** Copied where the operand is a plain array, by the widest units, along the axis that has them. @param lengths of the axes by number */
export function wayOf(kernel: MatmulKernel, operand: 'a' | 'b', lengths: readonly number[]): Way {
  const expression = kernel[operand];
  const bytes = storedBytes(kernel.dtype);
  const [k, outer] = [kernel.batch.length + 2, sideAxis(kernel, operand)];
  const [alongK, alongOuter] = [k, outer].map((axis) => widest(expression, axis, chunkBytes / bytes, lengths)) as [
    number,
    number,
  ];
  const follows = (axis: number): boolean => {
    const forms = new LaneForms({ axis, count: 1 }, lengths);
    return loadsIn([expression]).some(({ index }) => forms.of(index).stride === 1);
  };
  const isOuter = alongK === alongOuter ? follows(outer) && !follows(k) : alongOuter > alongK;
  const unit = Math.max(alongK, alongOuter);
  const isPlain = expression.kind === 'load' && expression.dtype === kernel.dtype && Object.is(expression.otherwise, 0);
  return { along: isOuter ? 'outer' : 'k', unit, isCopied: isPlain && unit * bytes >= leastCopied };
}

/** Most elements of a chunk along an axis that every array read has next to each other. */
function widest(expression: Expression, axis: number, chunk: number, lengths: readonly number[]): number {
  const loads = loadsIn([expression]);
  const fits = (unit: number): boolean => {
    if ((lengths[axis] as number) % unit !== 0) return false;
    const forms = new LaneForms({ axis, count: unit }, lengths);
    const isUniform = (index: Expression): boolean => forms.of(index).stride === 0;
    return (
      loads.some(({ index }) => !isUniform(index)) &&
      loads.every(
        ({ index, mask }) => (forms.isVector(index) || isUniform(index)) && (mask === null || isUniform(mask)),
      )
    );
  };
  for (let unit = chunk; unit > 1; unit /= 2) if (fits(unit)) return unit;
  return 1;
}
