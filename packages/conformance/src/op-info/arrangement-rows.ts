/** Rows of triangles and diagonals, of repeating and rolling, of grids and windows. */
import {
  asStrided,
  cartesianProd,
  diagEmbed,
  diagonal,
  hstack,
  meshgrid,
  repeat,
  repeatInterleave,
  roll,
  rot90,
  stack,
  type Tensor,
  tile,
  tril,
  triu,
  vstack,
  tensor,
  windows,
} from '@torchlet/tensor';
import { at, build, type Plain, plain } from './plain.js';
import { everything, float, type OpRow, random, row, same, sample } from './row.js';

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
