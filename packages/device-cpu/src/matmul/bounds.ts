/**
 * Masks of windows: an element counts where one or two sums of positions lie within limits, else it is 0. Owns reading such masks, and the limits as
 * they are compared: 16 bits each, two in a lane.
 */
import type { Expression } from '@torchlet/device';

/** `sum` must lie in [low, high]. */
export interface Bound {
  readonly sum: Expression;
  readonly low: number;
  readonly high: number;
}

const mostBounds = 2;
/** Sums that span less than this are compared in 16 bits. */
const widest = 2 ** 15;

/** What `mask` asks, or null where it asks something else. @param lengths of the axes. */
export function boundsOf(mask: Expression, lengths: readonly number[]): Bound[] | null {
  const bounds = new Map<Expression, Bound>();
  const whole = (axis: number): Range => [0, (lengths[axis] as number) - 1];
  for (const condition of conditions(mask)) {
    const asked = conditionOf(condition);
    const range = asked === null ? null : rangeOf(asked.sum, whole);
    if (asked === null || range === null || range[1] - range[0] >= widest) return null;
    const known = bounds.get(asked.sum) ?? { sum: asked.sum, low: range[0], high: range[1] };
    bounds.set(asked.sum, {
      ...known,
      low: Math.max(known.low, asked.low),
      high: Math.min(known.high, asked.high),
    });
  }
  const found = [...bounds.values()];
  return found.length <= mostBounds && found.every(({ low, high }) => low <= high) ? found : null;
}

function conditions(mask: Expression): Expression[] {
  return mask.kind === 'apply' && mask.fn === 'and' ? mask.args.flatMap(conditions) : [mask];
}

function conditionOf(condition: Expression): Bound | null {
  if (condition.kind !== 'apply' || condition.fn !== 'lt') return null;
  const [x, y] = condition.args as [Expression, Expression];
  if (x.kind === 'constant' && y.dtype === 'int32') return { sum: y, low: Number(x.value) + 1, high: Infinity };
  if (y.kind === 'constant' && x.dtype === 'int32') return { sum: x, low: -Infinity, high: Number(y.value) - 1 };
  return null;
}

/** What an axis may be at. */
export type Range = readonly [least: number, most: number];

/** The least and the greatest value of pure index arithmetic; null where it is none, or divides what may be negative. */
export function rangeOf(expression: Expression, along: (axis: number) => Range): Range | null {
  if (expression.kind === 'axis') return along(expression.axis);
  if (expression.kind === 'constant') return [Number(expression.value), Number(expression.value)];
  if (expression.kind !== 'apply') return null;
  const [a, b] = expression.args.map((arg) => rangeOf(arg, along));
  if (a === null || a === undefined || b === null || b === undefined) return null;
  switch (expression.fn) {
    case 'add':
      return [a[0] + b[0], a[1] + b[1]];
    case 'sub':
      return [a[0] - b[1], a[1] - b[0]];
    case 'mul': {
      const products = a.flatMap((x) => b.map((y) => x * y));
      return [Math.min(...products), Math.max(...products)];
    }
    case 'idiv':
      return a[0] >= 0 && b[0] > 0 ? [Math.floor(a[0] / b[1]), Math.floor(a[1] / b[0])] : null;
    case 'mod':
      if (!(a[0] >= 0 && b[0] > 0)) return null;
      // Of one number by one number the remainder is one number.
      return a[0] === a[1] && b[0] === b[1] ? [a[0] % b[0], a[0] % b[0]] : [0, Math.min(a[1], b[1] - 1)];
    default:
      return null;
  }
}
