/**
 * The functions that Wasm has no instruction for, on vectors of float32 and float64: as calls (`mathFunction`) or written in place
 * (`inlineMath`), which is faster where a loop uses one of the short ones. Owns the table; the formulas are in the files it names.
 */
import type { Callable, FunctionBuilder, Local, ModuleBuilder, Value, ValueType } from '../wasm/index.js';
import { erf } from './error-function.js';
import { exp, expm1, tanh } from './exponential.js';
import { log, log1p } from './logarithm.js';
import { pow } from './power.js';
import { type FloatName, Site } from './site.js';
import { atan, cos, sin } from './trigonometry.js';

type Formula = ((site: Site, x: Local) => Value) | ((site: Site, x: Local, y: Local) => Value);

const formulas = { exp, expm1, log, log1p, sin, cos, atan, tanh, erf, pow } as const satisfies Record<string, Formula>;

export type MathName = keyof typeof formulas;
export type { FloatName } from './site.js';

/** The functions of this folder. */
export const mathNames = Object.keys(formulas) as readonly MathName[];

/** Short enough that a call would be a good part of the cost. */
const short: ReadonlySet<MathName> = new Set<MathName>(['exp', 'expm1', 'log', 'log1p', 'atan', 'tanh', 'erf']);

/** Whether `inlineMath` is the better way for this function in a loop. */
export function isShort(fn: MathName, dtype: FloatName): boolean {
  return dtype === 'float32' && short.has(fn);
}

function write(site: Site, fn: MathName, x: Local, y: Local | null): Value {
  if (fn !== 'pow') return formulas[fn](site, x);
  if (y === null) throw new TypeError('math: pow takes two vectors, got one');
  return pow(site, x, y);
}

/**
 * The function that computes `fn` on the lanes of a vector: (v128) -> v128, for pow (v128, v128) -> v128. Made once a module.
 *
 * @param fused whether relaxed multiply-add may be used in polynomials.
 */
export function mathFunction(module: ModuleBuilder, fn: MathName, dtype: FloatName, fused: boolean): Callable {
  const name = `${fn}.${dtype}`;
  return module.once(`math.${name}.${fused ? 'fused' : 'plain'}`, () => {
    const params: Readonly<Record<string, ValueType>> = fn === 'pow' ? { x: 'v128', y: 'v128' } : { x: 'v128' };
    const f = module.function(name, params, 'v128');
    const [x, y] = f.locals as [Local, Local?];
    f.return(write(new Site(module, f, dtype, fused), fn, x, y ?? null));
    return f;
  });
}

/** Writes the formula into `f` and gives its value. `y` is the exponent of pow. */
export function inlineMath(
  module: ModuleBuilder,
  f: FunctionBuilder,
  fn: MathName,
  dtype: FloatName,
  fused: boolean,
  x: Local,
  y: Local | null = null,
): Value {
  return write(new Site(module, f, dtype, fused), fn, x, y);
}
