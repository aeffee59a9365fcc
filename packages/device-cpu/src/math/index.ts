/**
 * The functions that Wasm has no instruction for, on vectors of float32 and float64: as calls (`mathFunction`) or written in place
 * (`inlineMath`), which is faster where a loop uses one of the short ones. Owns the table; the formulas are in the files it names.
 */
import type { Callable, FunctionBuilder, Local, ModuleBuilder, Value, ValueType } from '../wasm/index.js';
import { type FloatName, ofEngine } from './engine.js';
import { erf, erf64 } from './error-function.js';
import { exp, expm1, tanh } from './exponential.js';
import { log, log1p } from './logarithm.js';
import { Site } from './site.js';
import { cos, sin } from './trigonometry.js';

export { narrowed, widened } from './site.js';

type Formula = (site: Site, x: Local) => Value;

/** On float32. All but sin and cos are so short that a call would be a good part of their cost. */
const formulas = { exp, expm1, log, log1p, sin, cos, tanh, erf } as const satisfies Record<string, Formula>;

export type MathName = keyof typeof formulas | 'atan' | 'pow';
export type { FloatName } from './engine.js';

/** The functions of this folder. */
export const mathNames = [...Object.keys(formulas), 'atan', 'pow'] as readonly MathName[];

/** Whether `inlineMath` is the better way for this function in a loop. */
export function isShort(fn: MathName, dtype: FloatName): boolean {
  return dtype === 'float32' && fn in formulas && fn !== 'sin' && fn !== 'cos';
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
  const site = new Site(module, f, fused);
  if (fn === 'pow' || fn === 'atan') return ofEngine(site, fn, dtype, y === null ? [x] : [x, y]);
  if (dtype === 'float32') return formulas[fn](site, x);
  return fn === 'erf' ? erf64(site, x) : ofEngine(site, fn, dtype, [x]);
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
    f.return(inlineMath(module, f, fn, dtype, fused, x, y));
    return f;
  });
}
