/** The length of a step along a direction by the strong Wolfe conditions (Nocedal and Wright, Numerical Optimization, 2nd edition, algorithms 3.5 and 3.6). */

/** A point along the direction: loss, gradient, and the gradient's part along the direction. */
export interface Point {
  readonly length: number;
  readonly loss: number;
  readonly gradient: Float64Array;
  readonly slope: number;
}

/** The loss must fall by this part of what the slope promises. */
const decrease = 1e-4;
/** The slope must be no steeper than this part of the first. */
const curvature = 0.9;

/** Where the cubic through two points with their slopes is least (equation 3.59), held off the ends. */
function between(a: Point, b: Point): number {
  const d1 = a.slope + b.slope - (3 * (a.loss - b.loss)) / (a.length - b.length);
  const d2 = Math.sign(b.length - a.length) * Math.sqrt(d1 * d1 - a.slope * b.slope);
  const least = b.length - ((b.length - a.length) * (b.slope + d2 - d1)) / (b.slope - a.slope + 2 * d2);
  const [low, high] = [Math.min(a.length, b.length), Math.max(a.length, b.length)];
  const margin = 0.1 * (high - low);
  // Without a minimum there is a NaN.
  return Number.isFinite(least) ? Math.min(Math.max(least, low + margin), high - margin) : (low + high) / 2;
}

/**
 * @param at the point at a length. @param start the point at 0. @param first the length to try first.
 * @param most evaluations that may be spent. @returns a point that meets the conditions, or the best that was found.
 */
export async function strongWolfe(
  at: (length: number) => Promise<Point>,
  start: Point,
  first: number,
  most: number,
): Promise<Point> {
  const falls = (point: Point): boolean => point.loss <= start.loss + decrease * point.length * start.slope;
  const isFlat = (point: Point): boolean => Math.abs(point.slope) <= -curvature * start.slope;
  const better = (a: Point, b: Point): Point => (b.loss < a.loss ? b : a);
  let previous = start;
  let point = await at(first);
  let spent = 1;
  let best = better(start, point);
  // Outwards, until a minimum lies between two points.
  while (falls(point) && point.loss < previous.loss + (previous === start ? Infinity : 0) && point.slope < 0) {
    if (isFlat(point)) return point;
    if (spent >= most) return best;
    const further = await at(point.length * 2);
    spent++;
    [previous, point] = [point, further];
    best = better(best, point);
  }
  if (falls(point) && isFlat(point)) return point;
  // Inwards: `low` has the least loss so far that falls, and the minimum lies between it and `high`.
  let [low, high] = falls(point) && point.loss < previous.loss ? [point, previous] : [previous, point];
  while (spent < most && Math.abs(high.length - low.length) > 1e-9 * Math.abs(low.length + high.length)) {
    const middle = await at(between(low, high));
    spent++;
    best = better(best, middle);
    if (!falls(middle) || middle.loss >= low.loss) {
      high = middle;
      continue;
    }
    if (isFlat(middle)) return middle;
    if (middle.slope * (high.length - low.length) >= 0) high = low;
    low = middle;
  }
  return best;
}
