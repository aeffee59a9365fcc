/** Runs the few instructions that formulas of float32 are made of, in the order of the text, for one argument. Owns what tests of formulas need and no more: an unknown instruction throws. */
import { Body } from '../src/ptx/body.js';
import type { FunctionEmitter } from '../src/ptx/functions.js';

const { fround } = Math;
const word = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): number {
  word.setFloat32(0, value);
  return word.getInt32(0);
}

function ofBits(bits: number): number {
  word.setInt32(0, bits);
  return word.getFloat32(0);
}

/** The distance from a float32 to the next, at `value`. */
function unitOf(value: number): number {
  return 2 ** (Math.floor(Math.log2(Math.abs(value))) - 23);
}

type Operation = (...args: number[]) => number;

const smaller: Operation = (x = 0, y = 0) => (Number.isNaN(x) ? y : Number.isNaN(y) ? x : Math.min(x, y));
const larger: Operation = (x = 0, y = 0) => (Number.isNaN(x) ? y : Number.isNaN(y) ? x : Math.max(x, y));

const operations: Readonly<Record<string, Operation>> = {
  'add.rn.f32': (x = 0, y = 0) => fround(x + y),
  'sub.rn.f32': (x = 0, y = 0) => fround(x - y),
  'mul.rn.f32': (x = 0, y = 0) => fround(x * y),
  'div.rn.f32': (x = 0, y = 0) => fround(x / y),
  // The product of two float32 is exact in float64.
  'fma.rn.f32': (x = 0, y = 0, z = 0) => fround(x * y + z),
  // As far off as a card may be.
  'rcp.approx.ftz.f32': (x = 0) => fround(1 / x + unitOf(1 / x)),
  'min.NaN.f32': (x = 0, y = 0) => Math.min(x, y),
  'max.NaN.f32': (x = 0, y = 0) => Math.max(x, y),
  'abs.f32': (x = 0) => Math.abs(x),
  'neg.f32': (x = 0) => -x,
  'min.f32': smaller,
  'max.f32': larger,
  'copysign.f32': (sign = 0, x = 0) => (bitsOf(sign) < 0 ? -Math.abs(x) : Math.abs(x)),
  'add.s32': (x = 0, y = 0) => (x + y) | 0,
  'sub.s32': (x = 0, y = 0) => (x - y) | 0,
  'and.b32': (x = 0, y = 0) => x & y,
  'shl.b32': (x = 0, y = 0) => (y > 31 ? 0 : x << y),
  'shr.s32': (x = 0, y = 0) => x >> y,
  'cvt.rn.f32.s32': (x = 0) => fround(x),
  'setp.lt.f32': (x = 0, y = 0) => Number(x < y),
  'setp.gt.f32': (x = 0, y = 0) => Number(x > y),
  'setp.eq.f32': (x = 0, y = 0) => Number(x === y),
  'setp.geu.f32': (x = 0, y = 0) => Number(!(x < y)),
  'setp.nan.f32': (x = 0, y = 0) => Number(Number.isNaN(x) || Number.isNaN(y)),
  'setp.ne.s32': (x = 0, y = 0) => Number(x !== y),
  'selp.f32': (x = 0, y = 0, p = 0) => (p === 0 ? y : x),
  'selp.s32': (x = 0, y = 0, p = 0) => (p === 0 ? y : x),
  'mov.f32': (x = 0) => x,
};

/** The formula as a function of numbers. */
export function runnable(emit: FunctionEmitter): (x: number) => number {
  const body = new Body();
  const input = body.register('f32', 'input');
  const output = emit(body, [input]);
  const lines = body.lines().map((line) => line.trim().replace(/;$/, ''));
  const floats = new Set(
    lines.flatMap((line) => {
      const stem = /^\.reg \.f32 (%\w+_)</.exec(line)?.[1];
      return stem === undefined ? [] : [stem];
    }),
  );
  const isFloat = (name: string): boolean => floats.has(name.replace(/\d+$/, ''));
  const labels = new Map(lines.map((line, i) => [line.replace(/:$/, ''), i]));
  return (x) => {
    const registers = new Map<string, number>([[input.text, fround(x)]]);
    const value = (text: string): number => {
      if (text.startsWith('0f')) return ofBits(Number.parseInt(text.slice(2), 16) | 0);
      return text.startsWith('%') ? (registers.get(text) ?? Number.NaN) : Number(text);
    };
    for (let at = 0; at < lines.length; at++) {
      const line = lines[at] as string;
      if (line.startsWith('.reg') || line.startsWith('//') || line.endsWith(':')) continue;
      const branch = /^@!(\S+) bra (\S+)$/.exec(line);
      if (branch !== null) {
        if (value(branch[1] as string) === 0) at = labels.get(branch[2] as string) as number;
        continue;
      }
      const [opcode, ...rest] = line.split(/,? /) as [string, ...string[]];
      const [result, ...args] = rest as [string, ...string[]];
      if (opcode === 'mov.b32') {
        const given = value(args[0] as string);
        const fromFloat = (args[0] as string).startsWith('0f') || isFloat(args[0] as string);
        registers.set(
          result,
          isFloat(result) ? (fromFloat ? given : ofBits(given)) : fromFloat ? bitsOf(given) : given,
        );
        continue;
      }
      const operation = operations[opcode];
      if (operation === undefined) throw new Error(`no meaning for: ${line}`);
      registers.set(result, operation(...args.map(value)));
    }
    return value(output.text);
  };
}
