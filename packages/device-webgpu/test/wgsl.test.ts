/** The code that is generated, as snapshots. No adapter is needed: what it computes is `kernels.test.ts`. */
import type { Capabilities, Expression, Program } from '@torchlet/device';
import { describe, expect, it } from 'vitest';
import { generate } from '../src/generate.js';
import type { Target } from '../src/wgsl/kernel-module.js';
import {
  arena,
  at,
  axis,
  buffer,
  constant,
  fn,
  host,
  int,
  load,
  loop,
  map,
  masked,
  matmul,
  phase,
  program,
  result,
  scalar,
  store,
} from '@torchlet/device/by-hand';

const capabilities = { alignment: 256 } as Capabilities;
const alone: Target = { f16: false, sharing: false, maxGroupsPerDimension: 65535 };
const sharing: Target = { ...alone, sharing: true };

/** The modules of a program, one after the other, each with its workgroups. */
function printed(source: Program, target: Target = alone): string {
  const { dispatches } = generate('webgpu', source, capabilities, target);
  return dispatches.map(({ text, groups }) => `${text}// ${groups.join(' x ')} workgroups`).join('\n\n');
}

const linear = program(
  'linear',
  [host(0, 100 * 784), buffer(0, 32 * 784, 'read'), buffer(1, 32, 'read'), arena(0, 100 * 32)],
  [
    matmul('matmul_add_max', [100, 32, 784], {
      b: load(1, at(axis(1), 784, axis(2))),
      stores: [store(3, at(axis(0), 32, axis(1)), fn('max', [fn('add', [result(0), load(2, axis(1))]), constant(0)]))],
    }),
  ],
  { arena: [100 * 32 * 4] },
);

const rows = (columns: number, count: number): Program => {
  const x = load(0, at(axis(0), columns, axis(1)));
  const exponential = fn('exp', [fn('sub', [x, result(0)])]);
  return program(
    'softmax',
    [buffer(0, count * columns, 'read'), buffer(1, count * columns, 'write')],
    [
      loop(
        'softmax',
        [count],
        phase([columns], { reductions: [{ id: 0, combine: 'max', dtype: 'float32', of: x }] }),
        phase([columns], { reductions: [{ id: 1, combine: 'sum', dtype: 'float32', of: exponential }] }),
        phase([columns], { stores: [store(1, at(axis(0), columns, axis(1)), fn('div', [exponential, result(1)]))] }),
      ),
    ],
  );
};

describe('element-wise kernels', () => {
  it('name what is used twice, and write the rest in place', () => {
    const x = load(0, axis(0));
    const square = fn('mul', [x, x]);
    const value = fn('add', [fn('mul', [square, scalar(0)]), fn('neg', [square])]);
    const source = program('square', [buffer(0, 30, 'read'), buffer(1, 30, 'write')], [map('mul_add', 30, 1, value)], {
      scalars: ['float32'],
    });
    expect(printed(source)).toMatchSnapshot();
  });

  it('take four points a thread where memory lies so', () => {
    const value = fn('where', [fn('lt', [constant(0), load(0, axis(0))]), load(1, axis(0)), constant(0)]);
    const source = program(
      'relu backward',
      [buffer(0, 4096, 'read'), buffer(1, 4096, 'read'), buffer(2, 4096, 'write')],
      [map('where', 4096, 2, value)],
    );
    expect(printed(source)).toMatchSnapshot();
  });

  it('clamp nothing under a mask, and give what it says instead', () => {
    const shifted = fn('sub', [axis(0), int(2)]);
    const source = program(
      'pad',
      [buffer(0, 3, 'read'), buffer(1, 5, 'write')],
      [map('pad', 5, 1, masked(0, shifted, fn('lt', [int(-1), shifted]), -Infinity))],
    );
    expect(printed(source)).toMatchSnapshot();
  });

  it('read and write halves two in a word, or natively', () => {
    const source = program(
      'halves',
      [buffer(0, 6, 'read', 'float16'), buffer(1, 6, 'write', 'float16')],
      [map('add', 6, 1, fn('add', [load(0, axis(0), 'float16'), constant(1, 'float16')]))],
    );
    expect(printed(source)).toMatchSnapshot('packed');
    expect(printed(source, { ...alone, f16: true })).toMatchSnapshot('native');
  });

  it('spread over two dimensions past the limit of one', () => {
    const source = program('wide', [buffer(0, 5000, 'write')], [map('fill', 5000, 0, constant(1))]);
    const { dispatches } = generate('webgpu', source, capabilities, { ...sharing, maxGroupsPerDimension: 20 });
    expect(dispatches[0]?.groups).toEqual([20, 4]);
    expect(dispatches[0]?.text).toContain('id.y * 1280u + id.x');
  });
});

describe('matrix products', () => {
  it('in registers, with bias and activation', () => {
    expect(printed(linear)).toMatchSnapshot();
  });

  it('through workgroup memory', () => {
    expect(printed(linear, sharing)).toMatchSnapshot();
  });

  it.each(Object.entries({ alone, sharing }))('of what is computed on the way, %s', (_, target) => {
    const product = matmul('mul_matmul', [64, 64, 32], {
      a: fn('max', [load(0, at(axis(0), 32, axis(2))), constant(0)]),
      b: fn('mul', [load(1, at(axis(2), 64, axis(1))), load(2, axis(1))]),
      stores: [
        store(3, at(axis(0), 64, axis(1)), result(0)),
        store(4, at(axis(0), 64, axis(1)), fn('tanh', [fn('mul', [result(0), scalar(0)])])),
      ],
    });
    const slots = [
      buffer(0, 64 * 32, 'read'),
      buffer(1, 32 * 64, 'read'),
      buffer(2, 64, 'read'),
      buffer(3, 64 * 64, 'write'),
      buffer(4, 64 * 64, 'write'),
    ];
    expect(printed(program('scaled', slots, [product], { scalars: ['float32'] }), target)).toMatchSnapshot();
  });

  it.each(Object.entries({ alone, sharing }))('of windows that reach over the edge, %s', (_, target) => {
    const [size, pixels] = [16, 256];
    const [channel, place] = [fn('idiv', [axis(2), int(9)]), fn('mod', [axis(2), int(9)])];
    const row = fn('add', [fn('idiv', [axis(1), int(size)]), fn('sub', [fn('idiv', [place, int(3)]), int(1)])]);
    const column = fn('add', [fn('mod', [axis(1), int(size)]), fn('sub', [fn('mod', [place, int(3)]), int(1)])]);
    const inside = [row, column]
      .flatMap((x) => [fn('lt', [int(-1), x]), fn('lt', [x, int(size)])])
      .reduce((all, one) => fn('and', [all, one]));
    const window = masked(1, at(at(channel, size, row), size, column), inside, 0);
    const convolution = matmul('convolution', [32, pixels, 18], { b: window });
    const slots = [buffer(0, 32 * 18, 'read'), buffer(1, 2 * pixels, 'read'), buffer(2, 32 * pixels, 'write')];
    expect(printed(program('convolution', slots, [convolution]), target)).toMatchSnapshot();
  });
});

describe('reductions', () => {
  it('a thread for each row', () => {
    expect(printed(rows(10, 300))).toMatchSnapshot();
  });

  it('a workgroup for each row', () => {
    expect(printed(rows(1000, 300), sharing)).toMatchSnapshot();
  });

  it('few long rows in parts', () => {
    expect(printed(rows(10_000, 2))).toMatchSnapshot();
  });

  it('few long rows in parts, through workgroup memory', () => {
    const of = load(0, at(axis(0), 300_000, axis(1)));
    const sum = { id: 0, combine: 'sum', dtype: 'float32', of: fn('mul', [of, of]) } as const;
    const mean = fn('sqrt', [fn('div', [result(0), constant(300_000)])]);
    const source = program(
      'norms',
      [buffer(0, 600_000, 'read'), buffer(1, 2, 'write')],
      [loop('norm', [2], phase([300_000], { reductions: [sum] }), phase([], { stores: [store(1, axis(0), mean)] }))],
    );
    expect(printed(source, sharing)).toMatchSnapshot();
  });

  it('sums of floats are never one long chain', () => {
    const sum = { id: 0, combine: 'sum', dtype: 'float32', of: load(0, at(axis(1), 300, axis(0))) } as const;
    const source = program(
      'columns',
      [buffer(0, 300 * 5000, 'read'), buffer(1, 300, 'write')],
      [loop('sum', [300], phase([5000], { reductions: [sum] }), phase([], { stores: [store(1, axis(0), result(0))] }))],
    );
    expect(printed(source)).toMatchSnapshot();
  });
});

describe('scans and sorts', () => {
  it('a block of a running sum: what is not after each element', () => {
    const x = load(0, at(at(axis(0), 4, axis(1)), 64, axis(3)));
    const upTo = fn('where', [fn('lt', [axis(2), axis(3)]), constant(0), x]);
    const source = program(
      'cumsum',
      [buffer(0, 3 * 4 * 64, 'read'), buffer(1, 3 * 4 * 64, 'write')],
      [
        loop(
          'cumsum',
          [3, 4, 64],
          phase([64], { reductions: [{ id: 0, combine: 'sum', dtype: 'float32', of: upTo }] }),
          phase([], { stores: [store(1, at(at(axis(0), 4, axis(1)), 64, axis(2)), result(0))] }),
        ),
      ],
    );
    expect(printed(source)).toMatchSnapshot('alone');
    expect(printed(source, sharing)).toMatchSnapshot('sharing');
  });

  /** Whether x goes before y: NaN after every number, equal ones as \`tie\` says. */
  const goesBefore = (x: Expression, y: Expression, tie: Expression): Expression => {
    const [xIsNumber, yIsNumber] = [fn('eq', [x, x]), fn('eq', [y, y])];
    const yIsNaN = fn('xor', [yIsNumber, constant(1, 'bool')]);
    const ahead = fn('or', [fn('lt', [x, y]), fn('and', [yIsNaN, xIsNumber])]);
    return fn('or', [ahead, fn('and', [fn('eq', [x, y]), tie])]);
  };

  it('places by counting, then positions by scatter', () => {
    const [here, other] = [load(0, at(axis(0), 20, axis(1))), load(0, at(axis(0), 20, axis(2)))];
    const earlier = fn('cast', [goesBefore(other, here, fn('lt', [axis(2), axis(1)]))], 'int32');
    const place = { id: 0, combine: 'sum', dtype: 'int32', of: earlier } as const;
    const to = at(axis(0), 20, axis(1));
    const source = program(
      'sort',
      [buffer(0, 5 * 20, 'read'), arena(0, 5 * 20, 'int32'), buffer(1, 5 * 20, 'readwrite', 'int32')],
      [
        loop(
          'places',
          [5, 20],
          phase([20], { reductions: [place] }),
          phase([], { stores: [store(1, to, result(0, 'int32'))] }),
        ),
        {
          kind: 'scatter',
          name: 'positions',
          axes: [5, 20],
          axis: 1,
          length: 20,
          index: load(1, to, 'int32'),
          value: axis(1),
          slot: 2,
          strides: [20, 1],
          offset: 0,
        },
      ],
      { arena: [5 * 20 * 4] },
    );
    expect(printed(source)).toMatchSnapshot();
  });

  it('one exchange of a network, at distance 8', () => {
    const pair = at(axis(0), 16, axis(1));
    const [first, second] = [pair, fn('add', [pair, int(8)])];
    const [a, b] = [load(0, first), load(0, second)];
    const turned = fn('eq', [fn('and', [axis(0), int(2)]), int(0)]);
    const inOrder = fn('eq', [goesBefore(a, b, fn('lt', [first, second])), turned]);
    const source = program(
      'exchange',
      [buffer(0, 1024, 'read'), buffer(1, 1024, 'write')],
      [
        loop(
          'exchange',
          [64, 8],
          phase([], {
            stores: [store(1, first, fn('where', [inOrder, a, b])), store(1, second, fn('where', [inOrder, b, a]))],
          }),
        ),
      ],
    );
    expect(printed(source)).toMatchSnapshot();
  });
});

describe('scatter', () => {
  const source = program(
    'embedding backward',
    [buffer(0, 40, 'read', 'int64'), buffer(1, 40 * 8, 'read'), buffer(2, 100 * 8)],
    [
      {
        kind: 'scatter',
        name: 'scatter',
        axes: [40, 8],
        axis: 0,
        length: 100,
        index: load(0, axis(0), 'int64'),
        value: load(1, at(axis(0), 8, axis(1))),
        slot: 2,
        strides: [8, 1],
        offset: 0,
      },
    ],
  );

  it('a thread owns the places that it adds to', () => {
    expect(printed(source)).toMatchSnapshot('columns');
    expect(printed(source, sharing)).toMatchSnapshot('columns and ranges of rows');
  });
});

describe('equal kernels', () => {
  it('on other slots have equal text', () => {
    const body = (from: number): Program['kernels'][0] =>
      map('double', 8, from + 1, fn('mul', [load(from, axis(0)), constant(2)]));
    const slots = [0, 1, 2, 3].map((i) => buffer(i, 8, i % 2 === 0 ? 'read' : 'write'));
    const { dispatches } = generate('webgpu', program('twice', slots, [body(0), body(2)]), capabilities, alone);
    expect(dispatches[1]?.text).toBe(dispatches[0]?.text);
    expect(dispatches.map(({ bindings }) => bindings.map(({ slot }) => slot).sort())).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it('see the arena as one buffer: what a kernel reads beside what it writes is bound for writing', () => {
    const copy = map('copy', 8, 1, load(0, axis(0)));
    const inArena = generate(
      'webgpu',
      program('arena', [arena(0, 8), arena(256, 8)], [copy], { arena: [512] }),
      capabilities,
      alone,
    );
    expect(inArena.dispatches[0]?.bindings.map(({ access }) => access)).toEqual(['read_write', 'read_write']);
    const fromHost = generate(
      'webgpu',
      program('host', [host(0, 8), buffer(0, 8, 'write')], [copy]),
      capabilities,
      alone,
    );
    expect(fromHost.dispatches[0]?.bindings).toContainEqual({ slot: 0, access: 'read' });
  });
});

describe('what WGSL cannot say', () => {
  it('int64 constants beyond 32 bits are refused, by kernel', () => {
    const source = program(
      'large',
      [buffer(0, 1, 'write', 'int64')],
      [map('fill', 1, 0, constant(2n ** 40n, 'int64'))],
    );
    expect(() => generate('webgpu', source, capabilities, alone)).toThrow(
      /program large, kernel fill: int64 constant 1099511627776 does not fit/,
    );
  });

  it('constant expressions that overflow are computed at run time', () => {
    const source = program(
      'overflow',
      [buffer(0, 1, 'write', 'int32')],
      [map('fill', 1, 0, fn('add', [constant(3e38), constant(3e38)]))],
    );
    expect(printed(source)).toContain('var known_0: f32 = 3e+38');
  });
});
