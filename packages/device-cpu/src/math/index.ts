/**
 * The functions that Wasm has no instruction for, on vectors of float32 and float64, written in place: a call would be a good part of the cost of most.
 * Owns the table; the formulas are in the files it names.
 */
import type { FunctionBuilder, Local, ModuleBuilder, Value } from '../wasm/index.js';
import { type FloatName, ofEngine } from './engine.js';
import { erf, erf64 } from './error-function.js';
import { exp, expm1, tanh } from './exponential.js';
import { log, log1p } from './logarithm.js';
import { Site } from './site.js';
import { cos, sin } from './trigonometry.js';

export { narrowed, widened } from './site.js';

type Formula = (site: Site, x: Local) => Value;

/** On float32. */
const formulas = { exp, expm1, log, log1p, sin, cos, tanh, erf } as const satisfies Record<string, Formula>;

export type MathName = keyof typeof formulas | 'atan' | 'pow';
export type { FloatName } from './engine.js';

/**
 * Writes `fn` of the lanes of a vector into `f` and gives its value. `y` is the exponent of pow.
 *
 * @param fused whether relaxed multiply-add may be used in polynomials.
 */
export function math(
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
