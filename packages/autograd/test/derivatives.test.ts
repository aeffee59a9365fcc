import {
  assignSlice,
  attach,
  binary,
  cast,
  cat,
  expand,
  flip,
  fullLike,
  gather,
  hostSource,
  leaf,
  marker,
  matmul,
  mul,
  type Node,
  pad,
  permute,
  reachable,
  reduce,
  reshape,
  type Shape,
  scalar,
  scatterAdd,
  shrink,
  unary,
  where,
  window,
} from '@torchlet/graph';
import { describe, expect, test } from 'vitest';
import { type DifferentiablePrimitive, derivatives, type GradientFunction } from '../src/index.js';
import { checkDerivatives } from './finite-differences.js';
import { indices, parameter, spreadNumbers } from './leaves.js';

interface Sample {
  readonly shapes: readonly Shape[];
  /** Makes the numbers of the leaves fit the domain. */
  readonly domain?: (x: number) => number;
  readonly build: (leaves: readonly Node[]) => Node;
}

/** Squares what it is given first, so that linear primitives have a second derivative to get wrong. */
function of(shapes: readonly Shape[], build: (...leaves: Node[]) => Node): Sample {
  return { shapes, build: (leaves) => build(...leaves.map((x) => mul(x, x))) };
}

function on(op: Parameters<typeof unary>[0], domain: (x: number) => number = (x) => x): Sample {
  return { shapes: [[2, 3]], domain, build: ([x]) => unary(op, node(x)) };
}

function pair(op: Parameters<typeof binary>[0], domain: (x: number) => number = (x) => x): Sample {
  return {
    shapes: [
      [2, 3],
      [2, 3],
    ],
    domain,
    build: ([x, y]) => binary(op, node(x), node(y)),
  };
}

function node(x: Node | undefined): Node {
  if (x === undefined) throw new Error('a sample has too few shapes');
  return x;
}

const positive = (x: number) => Math.abs(x) + 0.3;
const mask = leaf(hostSource(Uint8Array.of(1, 0, 0, 1, 1, 0)), [2, 3], 'bool');
const cubed: GradientFunction = (grad, [x]) => {
  const square = mul(node(x), node(x));
  return [mul(grad, binary('add', square, binary('add', square, square)))];
};

/** Every rule is differentiated twice; a new differentiable primitive without samples is a type error. */
const samples: { readonly [Name in DifferentiablePrimitive]: readonly Sample[] } = {
  reshape: [of([[2, 3]], (x) => reshape(x, [3, 2]))],
  permute: [of([[2, 3, 2]], (x) => permute(x, [2, 0, 1]))],
  expand: [of([[2, 1]], (x) => expand(x, [2, 3])), of([[1, 2, 1]], (x) => expand(x, [3, 2, 2]))],
  shrink: [
    of([[3, 4]], (x) => shrink(x, [1, 0], [2, 3])),
    of([[4, 3]], (x) => shrink(x, [1, 1], [2, 2], { axis: 0, start: scalar(1, 'int32') })),
    of([[3, 5]], (x) => shrink(x, [1, 0], [1, 3], { axis: 1, start: scalar(2, 'int32') })),
  ],
  pad: [of([[2, 2]], (x) => pad(x, [1, 0, 0, 2], 3))],
  flip: [of([[2, 3]], (x) => flip(x, [0, 1])), of([[2, 3]], (x) => flip(x, [1]))],
  window: [
    of([[6]], (x) => window(x, 0, 3, 1, 1)),
    of([[7]], (x) => window(x, 0, 3, 2, 1)),
    of([[8, 2]], (x) => window(x, 0, 2, 2, 1)),
    of([[2, 9]], (x) => window(x, 1, 3, 1, 2)),
    of([[2, 9, 2]], (x) => window(x, 1, 2, 3, 3)),
    of([[8]], (x) => window(x, 0, 2, 3, 1)),
    of([[7]], (x) => window(x, 0, 1, 3, 1)),
    of([[3]], (x) => window(x, 0, 3, 5, 1)),
    of([[5, 4]], (x) => window(window(x, 0, 3, 1, 1), 1, 2, 1, 1)),
  ],
  cat: [
    of(
      [
        [2, 1],
        [2, 2],
      ],
      (x, y) => cat([x, y, x], 1),
    ),
  ],

  neg: [on('neg')],
  sqrt: [on('sqrt', positive)],
  exp: [on('exp')],
  expm1: [on('expm1')],
  log: [on('log', positive)],
  log1p: [on('log1p', positive)],
  sin: [on('sin')],
  cos: [on('cos')],
  atan: [on('atan')],
  tanh: [on('tanh')],
  erf: [on('erf')],
  floor: [of([[2, 3]], (x) => binary('add', unary('floor', x), x))],
  cast: [of([[2, 3]], (x) => cast(cast(x, 'float32'), 'float64'))],

  add: [
    of(
      [
        [2, 3],
        [2, 3],
      ],
      (x, y) => binary('add', x, y),
    ),
  ],
  mul: [pair('mul'), { shapes: [[3]], build: ([x]) => mul(node(x), node(x)) }],
  div: [pair('div')],
  mod: [pair('mod')],
  max: [
    of(
      [
        [2, 3],
        [2, 3],
      ],
      (x, y) => binary('max', x, y),
    ),
  ],
  pow: [
    pair('pow', positive),
    ...[-1.5, 0, 1, 2, 3].map(
      (exponent): Sample => ({
        shapes: [[4]],
        domain: positive,
        build: ([x]) => binary('add', binary('pow', node(x), fullLike(node(x), exponent)), mul(node(x), node(x))),
      }),
    ),
  ],
  where: [
    of(
      [
        [2, 3],
        [2, 3],
      ],
      (x, y) => where(mask, x, y),
    ),
  ],

  reduceSum: [of([[2, 3]], (x) => reduce('reduceSum', x, [1])), of([[2, 3, 2]], (x) => reduce('reduceSum', x, [0, 2]))],
  reduceMax: [of([[2, 3]], (x) => reduce('reduceMax', x, [1])), of([[2, 3]], (x) => reduce('reduceMax', x, [0, 1]))],
  reduceProd: [
    { shapes: [[2, 4]], build: ([x]) => reduce('reduceProd', node(x), [1]) },
    { shapes: [[2, 2, 3]], build: ([x]) => reduce('reduceProd', node(x), [0, 2]) },
    { shapes: [[37]], domain: (x) => 1 + x / 9, build: ([x]) => reduce('reduceProd', node(x), [0]) },
  ],
  matmul: [
    {
      shapes: [
        [2, 3],
        [3, 4],
      ],
      build: ([a, b]) => matmul(node(a), node(b)),
    },
    {
      shapes: [
        [2, 1, 3],
        [2, 3, 2],
      ],
      build: ([a, b]) => matmul(node(a), node(b)),
    },
  ],

  gather: [
    of([[2, 3]], (x) => gather(x, indices([2, 0, 0, 1, 1, 1, 2, 2], [2, 4]), 1)),
    of([[3, 2]], (x) => gather(x, indices([2, 2], [2, 1]), 0)),
  ],
  scatterAdd: [
    of(
      [
        [2, 3],
        [2, 4],
      ],
      (base, src) => scatterAdd(base, indices([2, 0, 0, 1, 1, 7, -1, 2], [2, 4]), src, 1),
    ),
    of(
      [
        [3, 2],
        [2, 1],
      ],
      (base, src) => scatterAdd(base, indices([2, 2], [2, 1]), src, 0),
    ),
  ],

  contiguous: [of([[2, 3]], (x) => marker('contiguous', x))],
  copy: [of([[2, 3]], (x) => marker('copy', x))],
  attach: [
    {
      shapes: [[3]],
      build: ([x]) => attach(marker('detach', mul(node(x), mul(node(x), node(x)))), [node(x)], cubed),
    },
  ],
  assign: [
    of(
      [
        [4, 3],
        [2, 2],
      ],
      (target, value) => assignSlice(target, value, [0, 1], [3, 1]),
    ),
    of([[3], [3]], (target, value) => assignSlice(target, value, [0], [1])),
    of([[7], [2]], (target, value) => assignSlice(target, value, [1], [3])),
    of(
      [
        [3, 2],
        [0, 2],
      ],
      (target, value) => assignSlice(target, value, [0, 0], [1, 1]),
    ),
  ],
};

describe.each(Object.keys(derivatives) as DifferentiablePrimitive[])('%s', (op) => {
  test.each(samples[op].map((sample, i) => [i, sample] as const))('sample %i', (_, { shapes, domain, build }) => {
    const leaves = shapes.map((shape, seed) => {
      const numbers = spreadNumbers(shape, seed + 3);
      return parameter(domain === undefined ? numbers : numbers.map(domain), shape);
    });
    const output = build(leaves);
    expect(reachable([output]).some((found) => found.op === op)).toBe(true);
    checkDerivatives(output, leaves);
  });
});
