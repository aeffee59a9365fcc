/** Rows of reading and writing by index beside the methods. */
import {
  indexAdd,
  indexCopy,
  indexFill,
  indexPut,
  maskedScatter,
  oneHot,
  scatter,
  scatterReduce,
  type Tensor,
  take,
  takeAlongDim,
} from '@torchlet/tensor';
import { at, build, map, type Plain, plain } from './plain.js';
import { bool, float, int64, type OpRow, random, randomIntegers, row, sample } from './row.js';

type Given = Pick<OpRow, 'name' | 'run' | 'reference' | 'samples'> & Partial<OpRow>;

const exact = (given: Given): OpRow => row({ tolerance: 'exact', ...given });

const wrap = (i: number, length: number): number => ((i % length) + length) % length;

export const indexRows: readonly OpRow[] = [
  exact({
    name: 'take',
    run: ([x, index]) => take(x as Tensor, index as Tensor),
    reference: ([x, index]) =>
      map(index as Plain, (i) => (x as Plain).data[wrap(i, (x as Plain).data.length)] as number),
    samples: [sample('repeated and negative', [float(random([2, 3])), int64(plain([2, 2], [0, 5, -1, 0]))])],
  }),
  exact({
    name: 'takeAlongDim',
    run: ([x, index], [dim]) => takeAlongDim(x as Tensor, index as Tensor, dim as number),
    reference: ([x, index], [dim]) =>
      build([2, 2], (position) => {
        const picked = at(
          index as Plain,
          position.map((i, axis) => ((index as Plain).shape[axis] === 1 ? 0 : i)),
        );
        return at(x as Plain, position.with(dim as number, picked));
      }),
    samples: [sample('a broadcast index', [float(random([2, 3])), int64(plain([1, 2], [2, 0]))], { args: [1] })],
  }),
  exact({
    name: 'scatter',
    run: ([x, index, source], [dim]) => scatter(x as Tensor, dim as number, index as Tensor, source as Tensor),
    reference: ([x, index, source], [dim]) =>
      written(x as Plain, dim as number, index as Plain, source as Plain, (_, v) => v),
    samples: [
      sample('dim 1', [float(random([2, 4])), int64(plain([2, 2], [3, 0, 1, 2])), float(random([2, 3]))], {
        args: [1],
      }),
      sample('dim 0', [float(random([4, 2])), int64(plain([1, 2], [3, 0])), float(random([1, 2]))], { args: [0] }),
      // All values of a position get its gradient, which is a convention.
      sample(
        'positions named twice',
        [float(random([2, 4])), int64(randomIntegers([2, 9], 4)), float(random([2, 9]))],
        { args: [1], smooth: false },
      ),
    ],
  }),
  row({
    name: 'scatterReduce',
    run: ([x, index, source], [reduce]) =>
      scatterReduce(x as Tensor, 1, index as Tensor, source as Tensor, { reduce: reduce as 'sum' }),
    reference: ([x, index, source], [reduce]) =>
      written(x as Plain, 1, index as Plain, source as Plain, (before, value) => {
        if (reduce === 'sum') return before + value;
        if (reduce === 'prod') return before * value;
        return reduce === 'amax' ? Math.max(before, value) : Math.min(before, value);
      }),
    samples: ['sum', 'prod', 'amax', 'amin'].map((reduce) =>
      sample(reduce, [float(random([2, 4])), int64(randomIntegers([2, 5], 4)), float(random([2, 5], undefined, 2))], {
        args: [reduce],
      }),
    ),
  }),
  row({
    name: 'indexAdd',
    run: ([x, index, source]) => indexAdd(x as Tensor, 0, index as Tensor, source as Tensor, { alpha: 2 }),
    reference: ([x, index, source]) =>
      byRows(x as Plain, index as Plain, source as Plain, (before, value) => before + 2 * value),
    samples: [sample('repeated rows', [float(random([3, 2])), int64(plain([3], [2, 0, 2])), float(random([3, 2]))])],
  }),
  exact({
    name: 'indexCopy',
    run: ([x, index, source]) => indexCopy(x as Tensor, 0, index as Tensor, source as Tensor),
    reference: ([x, index, source]) => byRows(x as Plain, index as Plain, source as Plain, (_, value) => value),
    samples: [sample('two rows', [float(random([3, 2])), int64(plain([2], [2, 0])), float(random([2, 2]))])],
  }),
  exact({
    name: 'indexFill',
    run: ([x, index]) => indexFill(x as Tensor, 0, index as Tensor, 1.5),
    reference: ([x, index]) =>
      build((x as Plain).shape, (p) => ((index as Plain).data.includes(p[0] as number) ? 1.5 : at(x as Plain, p))),
    samples: [sample('two rows', [float(random([3, 2])), int64(plain([2], [2, 0]))])],
  }),
  row({
    name: 'indexPut, accumulated',
    run: ([x, i, j, values]) =>
      indexPut(x as Tensor, [i as Tensor, j as Tensor], values as Tensor, { accumulate: true }),
    reference: ([x, i, j, values]) =>
      build((x as Plain).shape, (position) =>
        (values as Plain).data.reduce(
          (sum, value, k) => {
            const hit = (i as Plain).data[k] === position[0] && (j as Plain).data[k] === position[1];
            return hit ? sum + value : sum;
          },
          at(x as Plain, position),
        ),
      ),
    samples: [
      sample('a place twice', [
        float(random([2, 3])),
        int64(plain([3], [0, 1, 0])),
        int64(plain([3], [2, 1, 2])),
        float(random([3])),
      ]),
    ],
  }),
  exact({
    name: 'maskedScatter',
    run: ([x, mask, source]) => maskedScatter(x as Tensor, mask as Tensor, source as Tensor),
    reference: ([x, mask, source]) => {
      let next = 0;
      return plain(
        (x as Plain).shape,
        (x as Plain).data.map((value, i) =>
          (mask as Plain).data[i] ? ((source as Plain).data[next++] as number) : value,
        ),
      );
    },
    samples: [
      sample('half of a matrix', [float(random([2, 3])), bool(plain([2, 3], [1, 0, 1, 0, 0, 1])), float(random([4]))]),
    ],
  }),
  exact({
    name: 'oneHot',
    run: ([classes]) => oneHot(classes as Tensor, 4),
    reference: ([classes]) =>
      build([...(classes as Plain).shape, 4], (position) =>
        Number(at(classes as Plain, position.slice(0, -1)) === position.at(-1)),
      ),
    samples: [sample('[2, 2]', [int64(plain([2, 2], [0, 3, 1, 1]))])],
    gradient: false,
    dtypes: { inputs: [], result: () => 'int64' },
  }),
];

/** x after each value of `source` was put to its place along `dim`, one after the other. */
function written(
  x: Plain,
  dim: number,
  index: Plain,
  source: Plain,
  put: (before: number, value: number) => number,
): Plain {
  const places = new Map<string, number>();
  for (const position of build(index.shape, () => 0).data.map((_, k) => positionOf(k, index.shape))) {
    const place = position.with(dim, at(index, position));
    const before = places.get(place.join()) ?? at(x, place);
    places.set(place.join(), put(before, at(source, position)));
  }
  return build(x.shape, (position) => places.get(position.join()) ?? at(x, position));
}

function byRows(x: Plain, index: Plain, source: Plain, put: (before: number, value: number) => number): Plain {
  return build(x.shape, (position) =>
    index.data.reduce(
      (value, place, k) => (place === position[0] ? put(value, at(source, position.with(0, k))) : value),
      at(x, position),
    ),
  );
}

function positionOf(k: number, shape: readonly number[]): number[] {
  let rest = k;
  return shape
    .toReversed()
    .map((length) => {
      const i = rest % length;
      rest = Math.floor(rest / length);
      return i;
    })
    .toReversed();
}
