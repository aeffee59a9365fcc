/**
 * The functions that PTX has no exact instruction for, on float32 and float64. Those of float32 are written in place; those of float64, and what is long, are
 * functions of the module. Owns the table; the formulas are in the files it names.
 */
import type { Body } from '../body.js';
import type { DeviceFunction, MathFunction, MathFunctions } from '../functions.js';
import type { Operand } from '../register.js';
import { erf } from './error-function.js';
import { exp, expm1, tanh } from './exponential.js';
import { log, log1p } from './logarithm.js';
import { mod, pow } from './power.js';
import { deviceFunction, type FloatKind, Real } from './real.js';
import { atan, cos, sin } from './trigonometry.js';

type Formula = (f: Real, ...args: Operand[]) => Operand;

const formulas = { exp, expm1, log, log1p, sin, cos, atan, tanh, erf, pow, mod } as const satisfies Readonly<
  Record<MathFunction, (f: Real, x: Operand, y: Operand) => Operand>
>;

const functions = new Map<string, DeviceFunction>();

/** The formula as a function of modules, made on first use. */
function functionOf(name: MathFunction, kind: FloatKind): DeviceFunction {
  const key = `${name}_${kind}`;
  let made = functions.get(key);
  if (made === undefined) {
    const arity = name === 'pow' || name === 'mod' ? 2 : 1;
    const formula = formulas[name] as Formula;
    made = deviceFunction(key, new Array<FloatKind>(arity).fill(kind), kind, (body, args) =>
      formula(new Real(body, kind), ...args),
    );
    functions.set(key, made);
  }
  return made;
}

const called =
  (name: MathFunction, kind: FloatKind) =>
  (body: Body, args: readonly Operand[]): Operand =>
    body.call(
      functionOf(name, kind),
      args.map((arg) => body.inRegister(arg)),
    );

const inPlace =
  (name: MathFunction) =>
  (body: Body, args: readonly Operand[]): Operand =>
    (formulas[name] as Formula)(new Real(body, 'f32'), ...args.map((arg) => body.inRegister(arg)));

const row = (name: MathFunction): MathFunctions[MathFunction] => ({ f32: inPlace(name), f64: called(name, 'f64') });

export const mathFunctions: MathFunctions = {
  exp: row('exp'),
  expm1: row('expm1'),
  log: row('log'),
  log1p: row('log1p'),
  sin: row('sin'),
  cos: row('cos'),
  atan: row('atan'),
  tanh: row('tanh'),
  erf: row('erf'),
  pow: { f32: called('pow', 'f32'), f64: called('pow', 'f64') },
  mod: { f32: called('mod', 'f32'), f64: called('mod', 'f64') },
};
