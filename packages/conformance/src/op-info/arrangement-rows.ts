/** Rows of triangles and diagonals, of repeating and rolling, and of reading and writing by index beside the methods. */
import {
  asStrided,
  cartesianProd,
  diagEmbed,
  diagonal,
  hstack,
  indexAdd,
  indexCopy,
  indexFill,
  indexPut,
  maskedScatter,
  meshgrid,
  oneHot,
  repeat,
  repeatInterleave,
  roll,
  rot90,
  scatter,
  scatterReduce,
  stack,
  type Tensor,
  take,
  takeAlongDim,
  tile,
  tril,
  triu,
  vstack,
  tensor,
  windows,
} from '@torchlet/tensor';
import { at, build, map, type Plain, plain } from './plain.js';
import { bool, everything, float, int64, type OpRow, random, randomIntegers, row, same, sample } from './row.js';

type Given = Pick<OpRow, 'name' | 'run' | 'reference' | 'samples'> & Partial<OpRow>;

/** Nothing is computed, and every dtype goes through. */
const moved = (given: Given): OpRow =>
  row({ tolerance: 'exact', dtypes: { inputs: everything, result: same }, ...given });
const exact = (given: Given): OpRow => row({ tolerance: 'exact', ...given });

const one = (shape: readonly number[]) => [float(random(shape))];
const wrap = (i: number, length: number): number => ((i % length) + length) % length;

/** A square or oblong matrix in the last two dims, element by element with its row and column. */
const byPlace =
  (value: (x: number, i: number, j: number, edge: number) => number) =>
  ([x]: readonly Plain[], [edge]: readonly unknown[]): Plain =>
    build((x as Plain).shape, (position) =>
      value(at(x as Plain, position), position.at(-2) as number, position.at(-1) as number, edge as number),
    );

export const arrangementRows: readonly OpRow[] = [
  moved({
    name: 'tril',
    run: ([x], [edge]) => tril(x as Tensor, edge as number),
    reference: byPlace((x, i, j, edge) => (j <= i + edge ? x : 0)),
    samples: [0, 1, -2].map((edge) => sample(`edge ${edge}`, one([2, 4, 3]), { args: [edge] })),
  }),
  moved({
    name: 'triu',
    run: ([x], [edge]) => triu(x as Tensor, edge as number),
    reference: byPlace((x, i, j, edge) => (j >= i + edge ? x : 0)),
    samples: [0, 1, -2].map((edge) => sample(`edge ${edge}`, one([2, 3, 4]), { args: [edge] })),
    bad: [
      { note: 'a vector', call: () => triu(tensor([1, 2, 3.5])), message: /triu: expected at least 2 dims, got \[3\]/ },
    ],
  }),
  moved({
    name: 'diagonal',
    run: ([x], [offset]) => diagonal(x as Tensor, offset as number, 0, 1),
    reference: ([x], [given]) => {
      const [source, offset] = [x as Plain, given as number];
      const [rows = 0, columns = 0, ...rest] = source.shape;
      const length = Math.max(0, Math.min(rows - Math.max(0, -offset), columns - Math.max(0, offset)));
      return build([...rest, length], (position) => {
        const i = position.at(-1) as number;
        return at(source, [i + Math.max(0, -offset), i + Math.max(0, offset), ...position.slice(0, -1)]);
      });
    },
    samples: [0, 1, -2, 9].map((offset) => sample(`offset ${offset}`, one([4, 3, 2]), { args: [offset] })),
  }),
  moved({
    name: 'diagEmbed',
    run: ([x], [offset]) => diagEmbed(x as Tensor, offset as number),
    reference: ([x], [given]) => {
      const [source, offset] = [x as Plain, given as number];
      const side = (source.shape.at(-1) as number) + Math.abs(offset);
      return build([...source.shape.slice(0, -1), side, side], (position) => {
        const [i, j] = position.slice(-2) as [number, number];
        if (j - i !== offset) return 0;
        return at(source, [...position.slice(0, -2), Math.min(i, j)]);
      });
    },
    samples: [0, 2, -1].map((offset) => sample(`offset ${offset}`, one([2, 3]), { args: [offset] })),
  }),
  moved({
    name: 'roll',
    run: ([x], [shift, dim]) => roll(x as Tensor, shift as number, dim as number),
    reference: ([x], [shift, dim]) => {
      const source = x as Plain;
      const axis = dim as number;
      return build(source.shape, (position) =>
        at(
          source,
          position.with(axis, wrap((position[axis] as number) - (shift as number), source.shape[axis] as number)),
        ),
      );
    },
    samples: [
      sample('forwards', one([2, 5]), { args: [2, 1] }),
      sample('backwards, more than round', one([4, 2]), { args: [-5, 0] }),
    ],
  }),
  moved({
    name: 'repeat',
    run: ([x], [times]) => repeat(x as Tensor, times as number[]),
    reference: ([x], [times]) => repeated(x as Plain, times as number[]),
    samples: [
      sample('both dims', one([2, 3]), { args: [[2, 2]] }),
      sample('a new dim', one([3]), { args: [[2, 3]] }),
      sample('none', one([2, 3]), { args: [[1, 0]] }),
    ],
  }),
  moved({
    name: 'tile',
    run: ([x], [times]) => tile(x as Tensor, times as number[]),
    reference: ([x], [times]) => repeated(x as Plain, [1, ...(times as number[])]),
    samples: [sample('the last dim', one([2, 3]), { args: [[2]] })],
  }),
  moved({
    name: 'repeatInterleave',
    run: ([x], [times, dim]) => repeatInterleave(x as Tensor, times as number, dim as number),
    reference: ([x], [times, dim]) => {
      const source = x as Plain;
      const axis = dim as number;
      return build(source.shape.with(axis, (source.shape[axis] as number) * (times as number)), (position) =>
        at(source, position.with(axis, Math.floor((position[axis] as number) / (times as number)))),
      );
    },
    samples: [sample('dim 0', one([2, 3]), { args: [3, 0] }), sample('dim 1', one([2, 3]), { args: [2, 1] })],
  }),
  moved({
    name: 'rot90',
    run: ([x], [k]) => rot90(x as Tensor, k as number),
    reference: ([x], [k]) => {
      const turn = (m: Plain): Plain => {
        const [rows = 0, columns = 0] = m.shape;
        return build([columns, rows], ([i = 0, j = 0]) => at(m, [j, columns - 1 - i]));
      };
      return Array.from({ length: wrap(k as number, 4) }).reduce<Plain>(turn, x as Plain);
    },
    samples: [0, 1, 2, 3, -1].map((k) => sample(`${k} times`, one([2, 3]), { args: [k] })),
  }),
  exact({
    name: 'hstack',
    run: (inputs) => hstack(inputs),
    reference: ([a, b]) =>
      build([2, 5], ([i = 0, j = 0]) => (j < 3 ? at(a as Plain, [i, j]) : at(b as Plain, [i, j - 3]))),
    samples: [sample('matrices', [float(random([2, 3])), float(random([2, 2]))])],
  }),
  exact({
    name: 'vstack',
    run: (inputs) => vstack(inputs),
    reference: ([a, b]) => plain([3, 2], [...(a as Plain).data, ...(b as Plain).data]),
    samples: [sample('a matrix and a vector', [float(random([2, 2])), float(random([2]))])],
  }),
  exact({
    name: 'meshgrid',
    run: (inputs, [indexing]) => stack(meshgrid(...inputs, { indexing: indexing as 'ij' })),
    reference: ([a, b], [indexing]) => {
      const [x, y] = [a as Plain, b as Plain];
      const shape = [x.data.length, y.data.length];
      return build([2, ...(indexing === 'xy' ? shape.toReversed() : shape)], ([which, ...position]) => {
        const [i, j] = (indexing === 'xy' ? position.toReversed() : position) as [number, number];
        return (which === 0 ? x.data[i] : y.data[j]) as number;
      });
    },
    samples: ['ij', 'xy'].map((indexing) =>
      sample(indexing, [float(random([2])), float(random([3]))], { args: [indexing] }),
    ),
  }),
  exact({
    name: 'cartesianProd',
    run: (inputs) => cartesianProd(...inputs),
    reference: ([a, b]) =>
      plain(
        [(a as Plain).data.length * (b as Plain).data.length, 2],
        (a as Plain).data.flatMap((x) => (b as Plain).data.flatMap((y) => [x, y])),
      ),
    samples: [sample('2 by 3', [float(random([2])), float(random([3]))])],
  }),
  moved({
    name: 'asStrided',
    run: ([x], [size, stride, offset]) =>
      asStrided(x as Tensor, size as number[], stride as number[], offset as number),
    reference: ([x], [size, stride, offset]) =>
      build(size as number[], (position) => {
        const place = position.reduce(
          (sum, i, axis) => sum + i * ((stride as number[])[axis] as number),
          offset as number,
        );
        return (x as Plain).data[place] as number;
      }),
    samples: [
      sample('overlapping', one([6]), { args: [[3, 3], [1, 1], 1] }),
      sample('transposed', one([2, 3]), { args: [[3, 2], [1, 3], 0] }),
    ],
    bad: [
      {
        note: 'beyond the end',
        call: () => asStrided(tensor([1, 2, 3.5]), [2], [3], 1),
        message: /asStrided: element 4 is outside of 3/,
      },
    ],
  }),
  moved({
    name: 'windows',
    run: ([x], [dim, size, step, dilation]) =>
      windows(x as Tensor, dim as number, size as number, step as number, dilation as number),
    reference: ([x], [dim, size, step, dilation]) => {
      const source = x as Plain;
      const axis = dim as number;
      const reach = (dilation as number) * ((size as number) - 1) + 1;
      const count = Math.floor(((source.shape[axis] as number) - reach) / (step as number)) + 1;
      return build([...source.shape.with(axis, count), size as number], (position) => {
        const within = position.at(-1) as number;
        const place = (position[axis] as number) * (step as number) + within * (dilation as number);
        return at(source, position.slice(0, -1).with(axis, place));
      });
    },
    samples: [
      sample('overlapping', one([7, 2]), { args: [0, 3, 2, 1] }),
      sample('dilated', one([2, 7]), { args: [1, 3, 1, 2] }),
    ],
  }),
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

function repeated(x: Plain, times: readonly number[]): Plain {
  const shape = [...new Array<number>(times.length - x.shape.length).fill(1), ...x.shape];
  const wide = plain(shape, x.data);
  return build(
    shape.map((n, axis) => n * (times[axis] as number)),
    (position) =>
      at(
        wide,
        position.map((i, axis) => i % (shape[axis] as number)),
      ),
  );
}

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
