/** pow with the C rules, and mod: the exact remainder with the sign of x (C's fmod). Owns both; the logarithm and the exponential they need are beside this file. */
import { int32, type Operand } from '../register.js';
import { exp } from './exponential.js';
import { logInParts } from './logarithm.js';
import type { Real } from './real.js';

/** e^(y log |x|), then signs and edges. */
export function pow(f: Real, x: Operand, y: Operand): Operand {
  const { body } = f;
  const size = f.abs(x);
  const { high, low } = logInParts(f, size);
  const exponent = f.mul(y, high, 'exponent');
  const rest = f.fma(y, low, f.fma(y, high, f.neg(exponent)), 'rest');
  const e = exp(f, exponent);
  // Infinite times the rest may be no number, and so may the rest itself.
  const isInside = body.op('pred', 'and.pred', [f.is('lt', f.abs(exponent), 1000), f.is('lt', e, Infinity)], 'inside');
  const value = f.choose(isInside, f.fma(e, rest, e), e);
  const both = (p: Operand, q: Operand): Operand => body.op('pred', 'and.pred', [p, q], 'both');
  const isWhole = f.is('eq', f.truncated(y), y);
  const half = f.mul(y, 0.5);
  const isOdd = both(isWhole, f.is('ne', f.truncated(half), half));
  const isNegative = body.compare(`lt.${f.format.integer}`, f.bits(x), f.integer(0));
  const signed = f.choose(both(isNegative, isOdd), f.neg(value), value);
  const isUndefined = both(both(f.is('lt', x, 0), f.is('gt', x, -Infinity)), body.op('pred', 'not.pred', [isWhole]));
  const defined = f.choose(isUndefined, Number.NaN, signed);
  // Whole are infinite exponents too: of -1 the sizes alone count.
  const isOne = both(f.is('eq', size, 1), f.is('eq', f.abs(y), Infinity));
  const kept = f.choose(isOne, 1, defined);
  return f.choose(body.op('pred', 'or.pred', [f.is('eq', x, 1), f.is('eq', y, 0)], 'one'), 1, kept);
}

/**
 * Long division: multiples of y, shifted to be next below the rest, are taken away until the rest is below y. Each turn is exact: its quotient has fewer bits than
 * a significand, and what is left is a multiple of the last bit of y.
 */
export function mod(f: Real, x: Operand, y: Operand): Operand {
  const { body, format, kind } = f;
  const { integer, mantissa } = format;
  const [size, by] = [f.abs(x), f.abs(y)];
  const isRegular = body.op('pred', 'and.pred', [f.is('lt', size, Infinity), f.is('gt', by, 0)], 'regular');
  const rest = body.op(kind, `mov.${kind}`, [size], 'rest');
  // Significands below the normal range, lifted into it.
  const isBelow = f.is('lt', by, 2 ** (1 - format.bias));
  const lifted = f.bits(f.choose(isBelow, f.mul(by, 2 ** (mantissa + 1)), by));
  const exponent = f.int(`shr.${integer}`, [lifted, int32(mantissa)], 'exponent');
  const own = f.int(
    `sub.${integer}`,
    [exponent, body.choose(isBelow, f.integer(mantissa + 1), f.integer(0))],
    'exponent',
  );
  const significand = f.int(`sub.${integer}`, [lifted, f.shiftLeft(exponent, mantissa)], 'significand');
  const bitwise = integer === 's32' ? 'or.b32' : 'or.b64';
  const isAbove = (): Operand => body.op('pred', 'and.pred', [f.is('ge', rest, by), isRegular], 'above');
  body.when(isAbove(), () => {
    body.repeat('divide', () => {
      const wanted = f.int(
        `sub.${integer}`,
        [f.int(`shr.${integer}`, [f.bits(rest), int32(mantissa)]), f.integer(mantissa - 2)],
        'wanted',
      );
      const positive = body.compare(`gt.${integer}`, wanted, f.integer(0));
      const higher = body.compare(`gt.${integer}`, wanted, own);
      const isShifted = body.op('pred', 'and.pred', [positive, higher], 'is_shifted');
      const shifted = f.ofBits(f.int(bitwise, [significand, f.shiftLeft(wanted, mantissa)]));
      const divisor = f.choose(isShifted, shifted, by);
      const quotient = f.truncated(f.div(rest, divisor));
      const left = f.fma(f.neg(quotient), divisor, rest, 'left');
      // The quotient may have been rounded up to the next whole number.
      const isNegative = f.is('lt', left, 0);
      body.assign(rest, `selp.${kind}`, [f.add(left, divisor), left, isNegative]);
      return isAbove();
    });
  });
  const signed = f.withSign(rest, x);
  const isNumber = body.op('pred', 'and.pred', [isRegular, f.is('num', by, by)], 'number');
  return f.choose(isNumber, signed, Number.NaN);
}
