/**
 * How fast the vector functions run on one thread: `tsx --conditions=@torchlet/source bench/math.ts` prints milliseconds for 4 million numbers in
 * memory, with multiply and add and with fused multiply-add, best of several runs of time on the processor.
 */
import { setFlagsFromString } from 'node:v8';
import { type MathName, math } from '../src/math/index.js';
import {
  f32x4,
  type FunctionBuilder,
  importsOf,
  type Local,
  ModuleBuilder,
  v128,
  type Value,
} from '../src/wasm/index.js';

setFlagsFromString('--experimental-wasm-relaxed-simd');

const size = 4 * 1024 * 1024;
const pages = (2 * 4 * size) / 65536;

type Apply = (fn: MathName, x: Local) => Value;
type Body = (f: FunctionBuilder, x: Local, apply: Apply) => Value;

const half = (x: Local, one: Value): Value => f32x4.mul(f32x4.mul(x, 0.5), f32x4.add(one, 1));

const bodies: Readonly<Record<string, Body>> = {
  copy: (_, x) => x,
  'gelu by tanh': (f, x, apply) => {
    const bent = f32x4.add(f32x4.mul(f32x4.mul(x, x), 0.044715), 1);
    return half(x, apply('tanh', f.let('u', f32x4.mul(f32x4.mul(x, 0.7978845608), bent))));
  },
  'gelu by erf': (f, x, apply) => half(x, apply('erf', f.let('u', f32x4.mul(x, Math.SQRT1_2)))),
  ...Object.fromEntries(
    (['exp', 'expm1', 'log', 'log1p', 'sin', 'cos', 'atan', 'tanh', 'erf'] as const).map((fn): [string, Body] => [
      fn,
      (_, x, apply) => apply(fn, x),
    ]),
  ),
};

function compiled(body: Body, fused: boolean, memory: WebAssembly.Memory): (from: number, end: number) => void {
  const module = new ModuleBuilder({ initial: pages, maximum: null, shared: false });
  const f = module.function('run', { from: 'i32', end: 'i32' }, null);
  const apply: Apply = (fn, x) => math(module, f, fn, 'float32', fused, x);
  f.repeat(f.params.from, f.params.end, 16, () => {
    const x = f.let('x', v128.load(f.params.from));
    f.do(v128.store(f.params.from, body(f, x, apply), 4 * size));
  });
  module.export('run', f);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), importsOf(memory));
  return exports['run'] as (from: number, end: number) => void;
}

function best(run: (from: number, end: number) => void): number {
  for (let i = 0; i < 200; i++) run(0, 65536);
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 12; i++) {
    const before = process.cpuUsage();
    const start = performance.now();
    run(0, 4 * size);
    const wall = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, wall, (user + system) / 1000);
  }
  return least;
}

const memory = new WebAssembly.Memory({ initial: pages });
new Float32Array(memory.buffer, 0, size).forEach((_, i, all) => {
  all[i] = (((i * 0.618034) % 1) - 0.5) * 6;
});
for (const [name, body] of Object.entries(bodies)) {
  const figures = [false, true].map((fused) => {
    const time = best(compiled(body, fused, memory))
      .toFixed(2)
      .padStart(6);
    return `${fused ? 'fused' : 'plain'} ${time}`;
  });
  console.log(name.padEnd(14), figures.join('  '));
}
