/**
 * The instructions of WebAssembly on numbers and on memory, with bulk memory and threads, one row each: `i32.add(a, b)`; a number may stand for a
 * constant. The names are those of the specification, in camelCase. Owns the rows; vectors are `vector-instructions.ts`, how rows become
 * functions `instruction-rows.ts`. Read `function-builder.ts` next.
 */
import { atomic, bulk, family } from './instruction-rows.js';
import { asValue, constant, type Instruction, type Operand } from './value.js';

/** Integer rows of i32 and i64, which lie in the same order. `t` is the type's letter. */
function integers<const T extends 'i' | 'l'>(t: T, compare: number, compute: number) {
  const unary = `${t}:${t}` as const;
  const binary = `${t}${t}:${t}` as const;
  const comparison = `${t}${t}:i` as const;
  return {
    eqz: [`${t}:i` as const, compare],
    eq: [comparison, compare + 1],
    ne: [comparison, compare + 2],
    ltS: [comparison, compare + 3],
    ltU: [comparison, compare + 4],
    gtS: [comparison, compare + 5],
    gtU: [comparison, compare + 6],
    leS: [comparison, compare + 7],
    leU: [comparison, compare + 8],
    geS: [comparison, compare + 9],
    geU: [comparison, compare + 10],
    clz: [unary, compute],
    ctz: [unary, compute + 1],
    popcnt: [unary, compute + 2],
    add: [binary, compute + 3],
    sub: [binary, compute + 4],
    mul: [binary, compute + 5],
    divS: [binary, compute + 6],
    divU: [binary, compute + 7],
    remS: [binary, compute + 8],
    remU: [binary, compute + 9],
    and: [binary, compute + 10],
    or: [binary, compute + 11],
    xor: [binary, compute + 12],
    shl: [binary, compute + 13],
    shrS: [binary, compute + 14],
    shrU: [binary, compute + 15],
  } as const;
}

/** Float rows of f32 and f64, which lie in the same order. */
function floats<const T extends 'f' | 'd'>(t: T, compare: number, compute: number) {
  const unary = `${t}:${t}` as const;
  const binary = `${t}${t}:${t}` as const;
  const comparison = `${t}${t}:i` as const;
  return {
    eq: [comparison, compare],
    ne: [comparison, compare + 1],
    lt: [comparison, compare + 2],
    gt: [comparison, compare + 3],
    le: [comparison, compare + 4],
    ge: [comparison, compare + 5],
    abs: [unary, compute],
    neg: [unary, compute + 1],
    ceil: [unary, compute + 2],
    floor: [unary, compute + 3],
    trunc: [unary, compute + 4],
    nearest: [unary, compute + 5],
    sqrt: [unary, compute + 6],
    add: [binary, compute + 7],
    sub: [binary, compute + 8],
    mul: [binary, compute + 9],
    div: [binary, compute + 10],
    min: [binary, compute + 11],
    max: [binary, compute + 12],
    copysign: [binary, compute + 13],
  } as const;
}

export const i32 = {
  const: (value: number) => constant('i32', value),
  ...family('i32', null, {
    ...integers('i', 0x45, 0x67),
    load: ['i:i@2', 0x28],
    load8S: ['i:i@0', 0x2c],
    load8U: ['i:i@0', 0x2d],
    load16S: ['i:i@1', 0x2e],
    load16U: ['i:i@1', 0x2f],
    store: ['ii:@2', 0x36],
    store8: ['ii:@0', 0x3a],
    store16: ['ii:@1', 0x3b],
    wrapI64: ['l:i', 0xa7],
    reinterpretF32: ['f:i', 0xbc],
    extend8S: ['i:i', 0xc0],
    extend16S: ['i:i', 0xc1],
    truncSatF32S: ['f:i', bulk(0)],
    truncSatF32U: ['f:i', bulk(1)],
    truncSatF64S: ['d:i', bulk(2)],
    truncSatF64U: ['d:i', bulk(3)],
    atomicLoad: ['i:i@2', atomic(0x10)],
    atomicStore: ['ii:@2', atomic(0x17)],
    atomicRmwAdd: ['ii:i@2', atomic(0x1e)],
    atomicRmwSub: ['ii:i@2', atomic(0x25)],
    atomicRmwXchg: ['ii:i@2', atomic(0x41)],
    atomicRmwCmpxchg: ['iii:i@2', atomic(0x48)],
  }),
};

export const i64 = {
  const: (value: number | bigint) => constant('i64', value),
  ...family('i64', null, {
    ...integers('l', 0x50, 0x79),
    load: ['i:l@3', 0x29],
    load8S: ['i:l@0', 0x30],
    load8U: ['i:l@0', 0x31],
    load16S: ['i:l@1', 0x32],
    load16U: ['i:l@1', 0x33],
    load32S: ['i:l@2', 0x34],
    load32U: ['i:l@2', 0x35],
    store: ['il:@3', 0x37],
    store8: ['il:@0', 0x3c],
    store16: ['il:@1', 0x3d],
    store32: ['il:@2', 0x3e],
    extendI32S: ['i:l', 0xac],
    extendI32U: ['i:l', 0xad],
    reinterpretF64: ['d:l', 0xbd],
    truncSatF32S: ['f:l', bulk(4)],
    truncSatF64S: ['d:l', bulk(6)],
    atomicLoad: ['i:l@3', atomic(0x11)],
    atomicStore: ['il:@3', atomic(0x18)],
    atomicRmwCmpxchg: ['ill:l@3', atomic(0x49)],
  }),
};

export const f32 = {
  const: (value: number) => constant('f32', value),
  ...family('f32', null, {
    ...floats('f', 0x5b, 0x8b),
    load: ['i:f@2', 0x2a],
    store: ['if:@2', 0x38],
    convertI32S: ['i:f', 0xb2],
    convertI32U: ['i:f', 0xb3],
    convertI64S: ['l:f', 0xb4],
    demoteF64: ['d:f', 0xb6],
    reinterpretI32: ['i:f', 0xbe],
  }),
};

export const f64 = {
  const: (value: number) => constant('f64', value),
  ...family('f64', null, {
    ...floats('d', 0x61, 0x99),
    load: ['i:d@3', 0x2b],
    store: ['id:@3', 0x39],
    convertI32S: ['i:d', 0xb7],
    convertI32U: ['i:d', 0xb8],
    convertI64S: ['l:d', 0xb9],
    promoteF32: ['f:d', 0xbb],
    reinterpretI64: ['l:d', 0xbf],
  }),
};

/** `condition` ? `a` : `b`, both computed. */
export function select(a: Operand, b: Operand, condition: Operand): Instruction {
  const type = typeof a === 'object' ? a.type : typeof b === 'object' ? b.type : null;
  if (type === null)
    throw new TypeError('wasm: select wants at least one value with a type, got two numbers or a statement');
  const args = [
    asValue(a, type, null, 'select'),
    asValue(b, type, null, 'select'),
    asValue(condition, 'i32', null, 'select'),
  ];
  return { kind: 'instruction', name: 'select', opcode: 0x1b, type, args, immediate: null };
}

function statement(name: string, opcode: number, bytes: readonly number[], operands: readonly Operand[]): Instruction {
  const args = operands.map((operand) => asValue(operand, 'i32', null, name));
  return { kind: 'instruction', name, opcode, type: null, args, immediate: { kind: 'bytes', bytes } };
}

/** Statements and values on the whole memory. */
export const memory = {
  /** Copies `bytes` bytes; the parts may overlap. */
  copy: (to: Operand, from: Operand, bytes: Operand) => statement('memory.copy', bulk(10), [0, 0], [to, from, bytes]),
  fill: (to: Operand, byte: Operand, bytes: Operand) => statement('memory.fill', bulk(11), [0], [to, byte, bytes]),
  /** Waits until notified or the nanoseconds are over, while the word at the pointer is `expected`. */
  ...family('memory', null, {
    atomicNotify: ['ii:i@2', atomic(0x00)],
    atomicWait32: ['iil:i@2', atomic(0x01)],
    atomicWait64: ['ill:i@3', atomic(0x02)],
  }),
};

export const unreachable: Instruction = {
  kind: 'instruction',
  name: 'unreachable',
  opcode: 0,
  type: null,
  args: [],
  immediate: null,
};
