/**
 * How a row of an instruction table becomes a function: `add: ['ii:i', 0x6a]` of family i32 is `i32.add(a, b)`. Signature letters: i, l, f, d, v are
 * i32, i64, f32, f64, v128, arguments before the colon and the result after it; `@2` ends a memory access whose alignment is 2^2 (the function
 * takes an offset), `#` one with a lane number. Owns the making; the rows are `instructions.ts` and `vector-instructions.ts`.
 */
import { asValue, type Instruction, type Lanes, type Operand, type ValueType } from './value.js';

type Parameters<S extends string> = S extends `:${infer Rest}`
  ? Rest extends `${string}@${number}#`
    ? [lane: number, offset?: number]
    : Rest extends `${string}@${number}`
      ? [offset?: number]
      : Rest extends `${string}#`
        ? [lane: number]
        : []
  : S extends `${string}${infer Rest}`
    ? [operand: Operand, ...Parameters<Rest>]
    : [];

type Row = readonly [signature: string, opcode: number];
type Family<Rows extends Readonly<Record<string, Row>>> = {
  readonly [Name in keyof Rows]: (...args: Parameters<Rows[Name][0]>) => Instruction;
};

const letters: Readonly<Record<string, ValueType>> = { i: 'i32', l: 'i64', f: 'f32', d: 'f64', v: 'v128' };

/** `load32Splat` as the specification spells it. */
function spelled(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function operator(family: string, lanes: Lanes | null, key: string, signature: string, opcode: number) {
  const name = `${family}.${spelled(key)}`;
  const [before = '', after = ''] = signature.split(':');
  const types = Array.from(before, (letter) => letters[letter] as ValueType);
  const type = letters[after[0] ?? ''] ?? null;
  const hasLane = after.endsWith('#');
  const at = after.indexOf('@');
  const align = at < 0 ? -1 : Number.parseInt(after.slice(at + 1), 10);
  return (...given: readonly Operand[]): Instruction => {
    const args = types.map((wanted, i) => asValue(given[i] as Operand, wanted, lanes, name));
    const rest = given.slice(types.length) as number[];
    const lane = hasLane ? (rest.shift() ?? 0) : null;
    if (align >= 0) {
      const immediate = { kind: 'memory', align, offset: rest[0] ?? 0, lane } as const;
      return { kind: 'instruction', name, opcode, type, args, immediate };
    }
    return {
      kind: 'instruction',
      name,
      opcode,
      type,
      args,
      immediate: lane === null ? null : { kind: 'bytes', bytes: [lane] },
    };
  };
}

export function family<const Rows extends Readonly<Record<string, Row>>>(
  name: string,
  lanes: Lanes | null,
  rows: Rows,
): Family<Rows> {
  const entries = Object.entries(rows).map(([key, [signature, code]]) => [
    key,
    operator(name, lanes, key, signature, code),
  ]);
  return Object.fromEntries(entries) as Family<Rows>;
}

export const simd = (code: number): number => 0xfd0000 | code;
export const bulk = (code: number): number => 0xfc0000 | code;
export const atomic = (code: number): number => 0xfe0000 | code;
