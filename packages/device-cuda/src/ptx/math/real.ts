/**
 * Arithmetic of one float kind, as formulas are written in it, and functions of the module that are written so. Owns the idioms that every formula uses; the
 * formulas are in the files beside this one. Products and sums are joined where the formula says so, and nowhere else.
 */
import { Body } from '../body.js';
import type { DeviceFunction } from '../functions.js';
import { float32, float64, int32, int64, type Operand, type RegisterKind } from '../register.js';

export type FloatKind = 'f32' | 'f64';

interface Format {
  /** Bits of the stored significand, and the bias of the exponent. */
  readonly mantissa: number;
  readonly bias: number;
  /** Registers that hold the bits. */
  readonly integer: 's32' | 's64';
  /** Below this, functions whose derivative at 0 is 1 are x to the last bit or nearly so. */
  readonly tiny: number;
}

export const formats: Readonly<Record<FloatKind, Format>> = {
  f32: { mantissa: 23, bias: 127, integer: 's32', tiny: 2 ** -25 },
  f64: { mantissa: 52, bias: 1023, integer: 's64', tiny: 2 ** -54 },
};

export class Real {
  readonly body: Body;
  readonly kind: FloatKind;
  readonly format: Format;

  constructor(body: Body, kind: FloatKind) {
    this.body = body;
    this.kind = kind;
    this.format = formats[kind];
  }

  number(value: number): Operand {
    return this.kind === 'f32' ? float32(value) : float64(value);
  }

  integer(value: number | bigint): Operand {
    return this.format.integer === 's32' ? int32(Number(value)) : int64(value);
  }

  op(opcode: string, args: readonly (Operand | number)[], stem?: string): Operand {
    return this.body.op(
      this.kind,
      `${opcode}.${this.kind}`,
      args.map((arg) => this.#operand(arg)),
      stem,
    );
  }

  add = (x: Operand | number, y: Operand | number, stem?: string): Operand => this.op('add.rn', [x, y], stem);
  sub = (x: Operand | number, y: Operand | number, stem?: string): Operand => this.op('sub.rn', [x, y], stem);
  mul = (x: Operand | number, y: Operand | number, stem?: string): Operand => this.op('mul.rn', [x, y], stem);
  div = (x: Operand | number, y: Operand | number, stem?: string): Operand => this.op('div.rn', [x, y], stem);
  abs = (x: Operand): Operand => this.op('abs', [x], 'size');
  neg = (x: Operand): Operand => this.op('neg', [x], 'minus');
  /** x * y + z, rounded once. */
  fma = (x: Operand | number, y: Operand | number, z: Operand | number, stem?: string): Operand =>
    this.op('fma.rn', [x, y, z], stem);

  /** Whether x compares so with y: lt, le, eq, ge, ne, equ. */
  is(comparison: string, x: Operand | number, y: Operand | number): Operand {
    return this.body.compare(`${comparison}.${this.kind}`, this.#operand(x), this.#operand(y));
  }

  choose(condition: Operand, x: Operand | number, y: Operand | number): Operand {
    return this.body.choose(condition, this.#operand(x), this.#operand(y));
  }

  /** x held between two numbers; NaN stays. */
  between(x: Operand, low: number, high: number): Operand {
    if (this.kind === 'f32') return this.op('min.NaN', [this.op('max.NaN', [x, low], 'raised'), high], 'bounded');
    const bounded = this.op('min', [this.op('max', [x, low], 'raised'), high], 'bounded');
    return this.choose(this.is('nan', x, x), x, bounded);
  }

  /** x / y to a unit in the last place, for a y and a quotient well inside the normal range: no case is looked at as `div` does. */
  quotient(x: Operand, y: Operand, stem: string): Operand {
    if (this.kind === 'f64') return this.div(x, y, stem);
    const inverse = this.body.op('f32', 'rcp.approx.ftz.f32', [y], 'inverse');
    const near = this.mul(x, inverse, 'near');
    return this.fma(this.fma(this.neg(near), y, x), inverse, near, stem);
  }

  /** The polynomial with these coefficients, lowest first. */
  polynomial(x: Operand, coefficients: readonly number[]): Operand {
    const from = coefficients.slice(0, -1).reverse();
    return from.reduce<Operand>((sum, c) => this.fma(sum, x, c, 'series'), this.number(coefficients.at(-1) as number));
  }

  /** x / y to some 20 bits in float32, 0 where y is infinite. */
  nearQuotient(x: Operand, y: Operand, stem: string): Operand {
    if (this.kind === 'f64') return this.div(x, y, stem);
    return this.mul(x, this.body.op('f32', 'rcp.approx.ftz.f32', [y], 'inverse'), stem);
  }

  bits(x: Operand): Operand {
    return this.body.op(this.format.integer, `mov.b${this.#width}`, [this.body.inRegister(x)], 'bits');
  }

  ofBits(bits: Operand): Operand {
    return this.body.op(this.kind, `mov.b${this.#width}`, [bits], 'x');
  }

  int(opcode: string, args: readonly Operand[], stem?: string): Operand {
    return this.body.op(this.format.integer, opcode, args, stem);
  }

  shiftLeft(x: Operand, count: number): Operand {
    return this.int(`shl.b${this.#width}`, [x, int32(count)], 'shifted');
  }

  /** 2^n for a whole n of the normal range, in a register of integers. */
  powerOfTwo(n: Operand): Operand {
    const biased = this.int(`add.${this.format.integer}`, [n, this.integer(this.format.bias)], 'biased');
    return this.ofBits(this.shiftLeft(biased, this.format.mantissa));
  }

  /** Adding this rounds to a whole number, which then stands in the low bits. */
  get magic(): number {
    return 1.5 * 2 ** this.format.mantissa;
  }

  /** The nearest whole number to x * factor, as a float and in the low bits of an integer. */
  nearest(x: Operand, factor: number): { readonly n: Operand; readonly whole: Operand } {
    const shifted = this.fma(x, factor, this.magic, 'shifted');
    const whole = this.int(`sub.${this.format.integer}`, [this.bits(shifted), this.bits(this.number(this.magic))], 'n');
    return { n: this.sub(shifted, this.magic, 'n'), whole };
  }

  /** The size of one with the sign of the other. */
  withSign(size: Operand, sign: Operand): Operand {
    return this.op('copysign', [sign, size], 'signed');
  }

  /** The largest whole number not above x in size. */
  truncated(x: Operand): Operand {
    return this.body.op(this.kind, `cvt.rzi.${this.kind}.${this.kind}`, [this.body.inRegister(x)], 'whole');
  }

  get #width(): 32 | 64 {
    return this.kind === 'f32' ? 32 : 64;
  }

  #operand(value: Operand | number): Operand {
    return typeof value === 'number' ? this.number(value) : value;
  }
}

/** A function of the module, whose body `write` writes. */
export function deviceFunction(
  name: string,
  parameters: readonly RegisterKind[],
  result: RegisterKind,
  write: (body: Body, args: readonly Operand[]) => Operand,
): DeviceFunction {
  const body = new Body();
  const args = parameters.map((kind, i) => {
    const given = body.register(kind, 'given');
    body.line(`ld.param.${kind} ${given.text}, [parameter${i}]`);
    return given;
  });
  const value = write(body, args);
  body.line(`st.param.${result} [result], ${value.text}`);
  const given = parameters.map((kind, i) => `.param .${kind} parameter${i}`);
  const text = [
    `.func (.param .${result} result) ${name} (${given.join(', ')})`,
    '{',
    ...body.lines(),
    '\tret;',
    '}',
  ].join('\n');
  return { name, parameters, result, text, calls: [...body.functions] };
}
