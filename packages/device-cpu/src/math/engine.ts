/**
 * The functions of the engine's own `Math` in float64, one lane at a time: modules import them by name, and engines call the usual ones directly. Owns
 * every function of float64 but erf, atan and pow of both widths, and what other formulas leave to the engine.
 */
import {
  type Callable,
  call,
  f32x4,
  f64,
  f64x2,
  i32,
  type Local,
  type ModuleBuilder,
  select,
  type Value,
} from '../wasm/index.js';
import { narrowed, type Site } from './site.js';

export type EngineFunction = 'exp' | 'expm1' | 'log' | 'log1p' | 'sin' | 'cos' | 'atan' | 'tanh' | 'pow';
export type FloatName = 'float32' | 'float64';

function imported(module: ModuleBuilder, fn: EngineFunction): Callable {
  return module.once(`Math.${fn}`, () => module.import('Math', fn, fn === 'pow' ? ['f64', 'f64'] : ['f64'], 'f64'));
}

/** C's pow: JavaScript's is NaN where C's is 1, for a base of 1 or -1 and an infinite or undefined exponent. */
function power(module: ModuleBuilder): Callable {
  return module.once('math.power', () => {
    const f = module.function('power', { x: 'f64', y: 'f64' }, 'f64');
    const { x, y } = f.params;
    const isOne = i32.or(f64.eq(x, 1), i32.and(f64.eq(x, -1), f64.eq(f64.abs(y), Infinity)));
    f.return(select(f64.const(1), call(imported(module, 'pow'), x, y), isOne));
    return f;
  });
}

/** `fn` of each lane of the arguments, vectors of `dtype`. */
export function ofEngine({ module, f }: Site, fn: EngineFunction, dtype: FloatName, args: readonly Local[]): Value {
  const callee = fn === 'pow' ? power(module) : imported(module, fn);
  const wide = dtype === 'float64';
  const lanes = (wide ? [0, 1] : [0, 1, 2, 3]).map((lane) => {
    const given = args.map((x) => (wide ? f64x2.extractLane(x, lane) : f64.promoteF32(f32x4.extractLane(x, lane))));
    return f.let(fn, call(callee, ...given));
  }) as [Local, Local, Local, Local];
  const pair = (a: Local, b: Local) => f64x2.replaceLane(f64x2.splat(a), b, 1);
  const [a, b, c, d] = lanes;
  return wide ? pair(a, b) : narrowed(pair(a, b), pair(c, d));
}
