/** Runs one vector function over arrays: a module with a loop around the formula. */
import { setFlagsFromString } from 'node:v8';
import { type FloatName, type MathName, math } from '../../src/math/index.js';
import { f32x4, i32, importsOf, ModuleBuilder, v128 } from '../../src/wasm/index.js';

setFlagsFromString('--experimental-wasm-relaxed-simd');

export type Floats = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

const page = 65536;

export function floatArray(dtype: FloatName, values: ArrayLike<number>): Floats {
  return dtype === 'float32' ? Float32Array.from(values) : Float64Array.from(values);
}

/** Whether this engine has relaxed multiply-add. */
export const hasFused = (() => {
  const module = new ModuleBuilder({ initial: 1, maximum: null, shared: false });
  const f = module.function('probe', { pointer: 'i32' }, null);
  const x = f.let('x', v128.load(f.params.pointer));
  f.do(v128.store(f.params.pointer, f32x4.relaxedMadd(x, x, x)));
  return WebAssembly.validate(module.bytes());
})();

/** fn(xs) or, for pow, fn(xs, ys). */
export function apply(
  fn: MathName,
  dtype: FloatName,
  fused: boolean,
  xs: ArrayLike<number>,
  ys: ArrayLike<number> = [],
): Floats {
  const bytes = Math.ceil((xs.length * (dtype === 'float32' ? 4 : 8)) / page) * page;
  const pages = (3 * bytes) / page;
  const module = new ModuleBuilder({ initial: pages, maximum: null, shared: false });
  const f = module.function('run', { x: 'i32' }, null);
  const { x } = f.params;
  f.repeat(x, bytes, 16, () => {
    const a = f.let('a', v128.load(x));
    const b = fn === 'pow' ? f.let('b', v128.load(x, bytes)) : null;
    f.do(v128.store(i32.add(x, 2 * bytes), math(module, f, fn, dtype, fused, a, b)));
  });
  module.export('run', f);

  const memory = new WebAssembly.Memory({ initial: pages });
  const at = (offset: number) =>
    dtype === 'float32'
      ? new Float32Array(memory.buffer, offset, xs.length)
      : new Float64Array(memory.buffer, offset, xs.length);
  at(0).set(xs);
  at(bytes).set(ys);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), importsOf(memory));
  (exports['run'] as (x: number) => void)(0);
  return at(2 * bytes).slice();
}
