/**
 * The interface between kernels and mathematics: functions of a real variable are emitted from operands to a register, inline or as a call of a device
 * function that the module holds once. Owns the interface; the functions are `math/`.
 */
import type { Body } from './body.js';
import type { Operand, RegisterKind } from './register.js';

/** Functions that PTX has no exact instruction for. `mod` is the exact remainder with the sign of x (C's fmod); `pow` has the C rules. */
export type MathFunction = 'exp' | 'expm1' | 'log' | 'log1p' | 'sin' | 'cos' | 'atan' | 'tanh' | 'erf' | 'pow' | 'mod';

/** Writes the instructions that compute a function of `args` (registers or literals of one kind, f32 or f64) and gives the result, of that kind. */
export type FunctionEmitter = (body: Body, args: readonly Operand[]) => Operand;

export type MathFunctions = {
  readonly [Name in MathFunction]: { readonly f32: FunctionEmitter; readonly f64: FunctionEmitter };
};

/** A `.func` of the module. It is written once, before the kernels, with those it calls before it. */
export interface DeviceFunction {
  readonly name: string;
  readonly parameters: readonly RegisterKind[];
  readonly result: RegisterKind;
  /** The whole definition, from `.func` on. */
  readonly text: string;
  readonly calls: readonly DeviceFunction[];
}
