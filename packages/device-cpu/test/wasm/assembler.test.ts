import v8 from 'node:v8';
import { describe, expect, it } from 'vitest';
import { atomic32, atomic64, waiting } from '../../src/threads/atomics.js';
import * as wasm from '../../src/wasm/index.js';
import { call, type Instruction, ModuleBuilder, type Operand } from '../../src/wasm/index.js';

v8.setFlagsFromString('--experimental-wasm-relaxed-simd');

const sharedMemory = { initial: 1, maximum: 4, shared: true };
const { printModule } = wasm;
const { i32, i64, f32, f64, v128, i8x16, i16x8, i32x4, i64x2, f32x4, f64x2, memory } = wasm;
const families = {
  i32,
  i64,
  f32,
  f64,
  v128,
  i8x16,
  i16x8,
  i32x4,
  i64x2,
  f32x4,
  f64x2,
  memory,
  atomic32,
  atomic64,
  waiting,
};

/** One instruction of each row of a family, over zeros. */
function samples(name: string, rows: object): [string, Instruction][] {
  return Object.entries(rows).map(([key, make]: [string, (...args: Operand[]) => Instruction]) => {
    const zero = wasm.vector('i32x4', 0);
    const attempts: Operand[][] = [
      [0, 0, 0],
      [zero, zero, zero],
      [zero, 0, 0],
      [0, zero, 0],
    ];
    for (const args of attempts) {
      try {
        return [`${name}.${key}`, make(...args)];
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
    }
    throw new Error(`${name}.${key}: no operands fit`);
  });
}

/** The function `one` with the body that `write` writes, ready to be called. */
function instantiate(write: (module: ModuleBuilder) => void, imports: Record<string, () => void> = {}) {
  const module = new ModuleBuilder({ initial: 1, maximum: null, shared: false });
  write(module);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), { env: { memory, ...imports } });
  return { one: instance.exports['one'] as (...args: (number | bigint)[]) => number, memory, module };
}

describe('instructions', () => {
  const rows = Object.entries(families).flatMap(([name, family]) => samples(name, family));

  it.each(rows)('%s is what the engine takes it for', (_, instruction) => {
    const module = new ModuleBuilder(sharedMemory);
    const f = module.function('one', {}, instruction.type);
    if (instruction.type === null) f.do(instruction);
    else f.return(instruction);
    expect(WebAssembly.validate(module.bytes())).toBe(true);
  });

  it('covers every family', () => {
    expect(rows.length).toBeGreaterThan(180);
  });

  it('refuses an operand of another type where it is written', () => {
    expect(() => f32.add(i32.const(1), 2)).toThrow('f32.add wants f32, got instruction: i32');
    expect(() => v128.and(1, 2)).toThrow('whose lanes are not known');
  });
});

describe('functions', () => {
  it('sums the numbers of a range', () => {
    const { one } = instantiate((module) => {
      const f = module.function('one', { from: 'i32', to: 'i32' }, 'i32');
      const { from, to } = f.params;
      const sum = f.local('sum', 'i32');
      f.while(from, to, 1, () => f.advance(sum, from));
      f.return(sum);
      module.export('one', f);
    });
    expect(one(3, 7)).toBe(3 + 4 + 5 + 6);
    expect(one(7, 7)).toBe(0);
  });

  it('takes both sides of an if', () => {
    const { one } = instantiate((module) => {
      const f = module.function('one', { x: 'i32' }, 'i32');
      const { x } = f.params;
      f.if(
        i32.gtS(x, 10),
        () => f.set(x, 10),
        () => f.set(x, i32.mul(x, 2)),
      );
      f.return(x);
      module.export('one', f);
    });
    expect([0, 4, 11].map((x) => one(x))).toEqual([0, 8, 10]);
  });

  it('writes constants of every width exactly', () => {
    const { one, memory } = instantiate((module) => {
      const f = module.function('one', {}, null);
      f.do(i32.store(0, -2147483648));
      f.do(i32.store(0, 0x80, 4));
      f.do(i64.store(0, -(2n ** 63n), 8));
      f.do(f32.store(0, -0, 16));
      f.do(f64.store(0, Math.PI, 24));
      f.do(v128.store(0, f32x4.add(f32x4.const(1, 2, 3, 4), 0.5), 32));
      module.export('one', f);
    });
    one();
    const view = new DataView(memory.buffer);
    expect(view.getInt32(0, true)).toBe(-2147483648);
    expect(view.getInt32(4, true)).toBe(0x80);
    expect(view.getBigInt64(8, true)).toBe(-(2n ** 63n));
    expect(Object.is(view.getFloat32(16, true), -0)).toBe(true);
    expect(view.getFloat64(24, true)).toBe(Math.PI);
    expect([...new Float32Array(memory.buffer, 32, 4)]).toEqual([1.5, 2.5, 3.5, 4.5]);
  });

  it('writes equal functions once and calls through imports', () => {
    let calls = 0;
    const { one, module } = instantiate(
      (module) => {
        const tick = module.import('env', 'tick', [], null);
        const [a, b] = ['a', 'b'].map((name) => {
          const f = module.function(name, {}, 'i32');
          f.do(call(tick));
          f.return(21);
          return f;
        });
        const f = module.function('one', {}, 'i32');
        f.return(i32.add(call(a as wasm.Callable), call(b as wasm.Callable)));
        module.export('one', f);
      },
      { tick: () => calls++ },
    );
    expect(one()).toBe(42);
    expect(calls).toBe(2);
    const [section, length, functions] = [3, 3, 2];
    expect([...module.bytes()].join()).toContain([section, length, functions].join());
  });

  it('prints itself', () => {
    const module = new ModuleBuilder(sharedMemory);
    const f = module.function('scale', { pointer: 'i32', end: 'i32', factor: 'f32' }, null);
    const { pointer, end, factor } = f.params;
    const by = f.let('by', f32x4.splat(factor));
    f.repeat(pointer, end, 16, () => {
      f.do(v128.store(pointer, f32x4.mul(v128.load(pointer), f32x4.mul(by, 2))));
    });
    expect(printModule(module)).toMatchInlineSnapshot(`
      "scale(pointer: i32, end: i32, factor: f32)
        by = f32x4.splat(factor)
        loop loop0
          v128.store(pointer, f32x4.mul(v128.load(pointer), f32x4.mul(by, splat(2))))
          pointer = i32.add(pointer, 16)
          branch loop0 if i32.lt_u(pointer, end)"
    `);
  });
});
