/**
 * Running sums, products, maxima and log-sums along a dim. Without a primitive that scans: the line is cut into blocks, each is combined with what is before
 * it by a masked square that one reduction reads, and the totals of the blocks are scanned in their turn. n * block operations in log(n) / log(block) levels.
 */
import { type DType, dtypes, isFloat } from '@torchlet/device';
import {
  axisOf,
  cast,
  max,
  eq,
  or,
  sub,
  xor,
  add,
  expand,
  iota,
  lt,
  marker,
  mul,
  neg,
  type Node,
  pad,
  reduce,
  reshape,
  shrink,
  unary,
  where,
} from '@torchlet/graph';
import { not } from './comparison.js';
import { logAddExp } from './pairwise.js';
import { minExact, sumDType } from './arithmetic.js';
import { wideDType } from './autocasting.js';

const scans = { cumsum, cumprod };

/** The running sum or product along `dim`; integers in int64, unless `dtype` says otherwise. */
export function cumulative(op: keyof typeof scans, x: Node, dim: number, dtype: DType | undefined): Node {
  const axis = axisOf(op, dim, x.shape.length);
  const wide = cast(x, dtype ?? wideDType(sumDType(x.dtype)));
  return x.shape.length === 0 ? wide : scans[op](wide, axis);
}

/** Elements of a block. */
const block = 64;

interface Scan {
  readonly identity: number | bigint;
  /** Combines the last axis, where `mask` holds. Of [..., i, j] with the mask j <= i. */
  readonly within: (square: Node, mask: Node) => Node;
  readonly combine: (before: Node, here: Node) => Node;
}

/** What each element combines to with all before it along `axis`. */
function scan(x: Node, axis: number, rules: Scan): Node {
  const length = x.shape[axis] as number;
  if (length < 2) return x;
  const before = x.shape.slice(0, axis).reduce((product, n) => product * n, 1);
  const after = x.shape.slice(axis + 1).reduce((product, n) => product * n, 1);
  return reshape(scanMiddle(reshape(x, [before, length, after]), rules), x.shape);
}

/** Along the middle of three axes. */
function scanMiddle(x: Node, rules: Scan): Node {
  const [before, length, after] = x.shape as [number, number, number];
  if (length <= block) return prefixes(reshape(x, [before, 1, length, after]), rules, [before, length, after]);
  const count = Math.ceil(length / block);
  const padded = pad(x, [0, 0, 0, count * block - length, 0, 0], rules.identity);
  const local = marker(
    'contiguous',
    prefixes(reshape(padded, [before, count, block, after]), rules, [before, count, block, after]),
  );
  const totals = reshape(shrink(local, [0, 0, block - 1, 0], [before, count, 1, after]), [before, count, after]);
  const running = scanMiddle(totals, rules);
  const earlier = pad(shrink(running, [0, 0, 0], [before, count - 1, after]), [0, 0, 1, 0, 0, 0], rules.identity);
  const spread = expand(reshape(earlier, [before, count, 1, after]), local.shape);
  const whole = reshape(rules.combine(spread, local), [before, count * block, after]);
  return shrink(whole, [0, 0, 0], [before, length, after]);
}

/** Within blocks: element i of [before, blocks, length, after] combined over j <= i. */
function prefixes(x: Node, { within }: Scan, shape: readonly number[]): Node {
  const [before, count, length, after] = x.shape as [number, number, number, number];
  const square = [before, count, length, length, after];
  const line = iota(length, 'int32');
  const i = expand(reshape(line, [1, 1, length, 1, 1]), square);
  const j = expand(reshape(line, [1, 1, 1, length, 1]), square);
  const repeated = expand(reshape(x, [before, count, 1, length, after]), square);
  return reshape(within(repeated, not(lt(i, j))), shape);
}

const masked = (square: Node, mask: Node, identity: number | bigint): Node => where(mask, square, identity);

function cumsum(x: Node, axis: number): Node {
  return scan(x, axis, {
    identity: 0,
    within: (square, mask) => reduce('reduceSum', masked(square, mask, 0), [3]),
    combine: add,
  });
}

function cumprod(x: Node, axis: number): Node {
  return scan(x, axis, {
    identity: 1,
    within: (square, mask) => reduce('reduceProd', masked(square, mask, 1), [3]),
    combine: mul,
  });
}

/** The running maximum; `least` is no larger than any element. */
export function runningMax(x: Node, axis: number, least: number | bigint): Node {
  return scan(x, axis, {
    identity: least,
    within: (square, mask) => reduce('reduceMax', masked(square, mask, least), [3]),
    combine: (before, here) => max(before, here),
  });
}

/** The running minimum; `most` is no smaller than any element. */
export function runningMin(x: Node, axis: number, most: number | bigint): Node {
  return scan(x, axis, {
    identity: most,
    within: (square, mask) => neg(reduce('reduceMax', neg(masked(square, mask, most)), [3])),
    combine: minExact,
  });
}

/** log of the running sum of e^x, each prefix shifted by its own maximum. */
export function logcumsumexp(x: Node, axis: number): Node {
  return scan(x, axis, {
    identity: -Infinity,
    within: (square, mask) => {
      const visible = masked(square, mask, -Infinity);
      const largest = marker('detach', reduce('reduceMax', visible, [3]));
      const infinite = or(eq(largest, Infinity), eq(largest, -Infinity));
      const shift = where(infinite, 0, largest);
      const total = reduce('reduceSum', unary('exp', sub(visible, expand(shift, visible.shape))), [3]);
      return add(unary('log', total), shift);
    },
    combine: (before, here) => logAddExp('logaddexp', before, here),
  });
}

/** Differences of neighbours along `axis`, `times` over; of bools, whether they differ. */
export function diff(x: Node, times: number, axis: number): Node {
  let result = x;
  for (let i = 0; i < times && (result.shape[axis] as number) > 0; i++) {
    const length = (result.shape[axis] as number) - 1;
    const shape = result.shape.with(axis, length);
    const starts = result.shape.map(() => 0);
    const first = shrink(result, starts, shape);
    const second = shrink(result, starts.with(axis, 1), shape);
    result = result.dtype === 'bool' ? xor(second, first) : sub(second, first);
  }
  return result;
}

/** Numbers that no value of the dtype is below or above. */
export function rangeOf(dtype: DType): readonly [number | bigint, number | bigint] {
  if (isFloat(dtype)) return [-Infinity, Infinity];
  if (dtype === 'uint8') return [0, 255];
  if (dtype === 'int64') return [-(2n ** 63n), 2n ** 63n - 1n];
  if (dtype === 'bool') return [0, 1];
  const bits = 8 * dtypes[dtype].bytes - 1;
  return [-(2 ** bits), 2 ** bits - 1];
}
