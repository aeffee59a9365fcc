/**
 * The body of one entry or device function: typed virtual registers, nested blocks with labels, parameters, shared memory. An instruction can be added to any
 * block that is still open, so what does not change in a loop is written before it. Owns text and names; what is computed is the emitter's
 * (`kernels/`) and the functions' (`math/`).
 */
import type { Argument } from '../generated.js';
import type { DeviceFunction } from './functions.js';
import type { Operand, RegisterKind } from './register.js';

/** A block that is being written. What it names can be used in itself and the blocks in it. */
export class Scope {
  readonly parent: Scope | null;
  readonly depth: number;
  readonly lines: string[] = [];

  constructor(parent: Scope | null) {
    this.parent = parent;
    this.depth = parent === null ? 0 : parent.depth + 1;
  }
}

/** The type by which a kind is declared, passed and moved. */
export const registerTypes: Readonly<Record<RegisterKind, string>> = {
  pred: '.pred',
  b16: '.b16',
  b32: '.b32',
  s32: '.s32',
  s64: '.s64',
  f32: '.f32',
  f64: '.f64',
};

/** The module's name for the shared memory of a launch. */
export const launchMemory = 'launch_memory';

/** Which argument a parameter of the entry is. */
export interface Parameter {
  readonly name: string;
  readonly argument: Argument;
}

export class Body {
  readonly root = new Scope(null);
  #scope = this.root;
  /** Registers by stem: their kind and how many there are. */
  readonly #registers = new Map<string, { readonly kind: RegisterKind; count: number }>();
  readonly #labels = new Map<string, number>();
  readonly #parameters = new Map<string, { readonly parameter: Parameter; readonly address: Operand }>();
  readonly #shared: string[] = [];
  readonly #prologue: string[] = [];
  readonly #functions = new Set<DeviceFunction>();
  #launchAlignment = 0;

  get scope(): Scope {
    return this.#scope;
  }

  /** What the entry takes, in order. */
  get parameters(): readonly Parameter[] {
    return [...this.#parameters.values()].map(({ parameter }) => parameter);
  }

  get functions(): ReadonlySet<DeviceFunction> {
    return this.#functions;
  }

  /** A new register, named after `stem`. */
  register(kind: RegisterKind, stem: string): Operand {
    const known = this.#registers.get(stem);
    if (known !== undefined && known.kind !== kind) return this.register(kind, `${stem}_${kind}`);
    const entry = known ?? { kind, count: 0 };
    this.#registers.set(stem, entry);
    return { kind, text: `%${stem}_${entry.count++}`, literal: null };
  }

  /** Writes an instruction (without its semicolon) or a comment into the current block. */
  line(text: string): void {
    this.#scope.lines.push(`${text};`);
  }

  comment(text: string): void {
    this.#scope.lines.push(`// ${text}`);
  }

  /** `opcode d, args`, with d a new register of `kind`. */
  op(kind: RegisterKind, opcode: string, args: readonly Operand[], stem = opcode.split('.')[0] as string): Operand {
    const result = this.register(kind, stem);
    this.assign(result, opcode, args);
    return result;
  }

  /** `opcode result, args`, into a register that there is: accumulators, counters. */
  assign(result: Operand, opcode: string, args: readonly Operand[]): void {
    this.line(`${opcode} ${[result, ...args].map(({ text }) => text).join(', ')}`);
  }

  /** `opcode result, args`, done only where `predicate` holds. */
  assignIf(predicate: Operand, result: Operand, opcode: string, args: readonly Operand[]): void {
    this.line(`@${predicate.text} ${opcode} ${[result, ...args].map(({ text }) => text).join(', ')}`);
  }

  /** A predicate: `setp.comparison.type p, x, y`. */
  compare(comparison: string, x: Operand, y: Operand, stem = 'is'): Operand {
    return this.op('pred', `setp.${comparison}`, [x, y], stem);
  }

  /** condition ? x : y, both of one kind. */
  choose(condition: Operand, x: Operand, y: Operand): Operand {
    if (x.kind !== 'pred') return this.op(x.kind, `selp.${x.kind}`, [x, y, condition], 'chosen');
    const first = this.op('pred', 'and.pred', [condition, x], 'chosen');
    const second = this.op('pred', 'and.pred', [y, this.op('pred', 'not.pred', [condition])], 'chosen');
    return this.op('pred', 'or.pred', [first, second], 'chosen');
  }

  /** The number that a literal stands for in a register, for instructions that take none. */
  inRegister(value: Operand, stem = 'known'): Operand {
    return value.literal === null ? value : this.op(value.kind, `mov${registerTypes[value.kind]}`, [value], stem);
  }

  label(stem: string): string {
    const count = this.#labels.get(stem) ?? 0;
    this.#labels.set(stem, count + 1);
    return `$${stem}_${count}`;
  }

  /** Runs `write` with `scope`, which is open, as the current block. */
  within<T>(scope: Scope, write: () => T): T {
    const before = this.#scope;
    this.#scope = scope;
    try {
      return write();
    } finally {
      this.#scope = before;
    }
  }

  /** What `write` writes, repeated while the predicate that it gives holds. It runs at least once. */
  repeat(stem: string, write: () => Operand): void {
    const label = this.label(stem);
    const inner = new Scope(this.#scope);
    const again = this.within(inner, write);
    this.#block(`${label}:`, inner, `@${again.text} bra ${label};`);
  }

  /** What `write` writes, skipped where `predicate` does not hold. */
  when(predicate: Operand, write: () => void, stem = 'skip'): void {
    const label = this.label(stem);
    const inner = new Scope(this.#scope);
    this.within(inner, write);
    this.#block(`@!${predicate.text} bra ${label};`, inner, `${label}:`);
  }

  /** One of two blocks. */
  either(predicate: Operand, write: () => void, otherwise: () => void): void {
    const [second, end] = [this.label('otherwise'), this.label('end')];
    const [inner, other] = [new Scope(this.#scope), new Scope(this.#scope)];
    this.within(inner, write);
    this.within(other, otherwise);
    this.#block(`@!${predicate.text} bra ${second};`, inner, `bra ${end};`);
    this.#block(`${second}:`, other, `${end}:`);
  }

  /** The global address that `argument` is. */
  parameter(argument: Argument, stem: string): Operand {
    const key = JSON.stringify(argument);
    const known = this.#parameters.get(key);
    if (known !== undefined) return known.address;
    const name = `${stem}${[...this.#parameters.values()].filter(({ parameter }) => parameter.name.startsWith(stem)).length}`;
    const address = this.within(this.root, () => {
      const given = this.register('s64', 'given');
      this.#start(`ld.param.u64 ${given.text}, [${name}]`);
      const global = this.register('s64', name);
      this.#start(`cvta.to.global.u64 ${global.text}, ${given.text}`);
      return global;
    });
    this.#parameters.set(key, { parameter: { name, argument }, address });
    return address;
  }

  /** The address, in the window of shared memory, of `bytes` bytes that the threads of a block share. */
  shared(stem: string, bytes: number, alignment = 16): Operand {
    const name = `${stem}_${this.#shared.length}`;
    this.#shared.push(`.shared .align ${alignment} .b8 ${name}[${bytes}];`);
    return this.within(this.root, () => {
      const address = this.register('s32', `${name}_at`);
      this.#start(`mov.u32 ${address.text}, ${name}`);
      return address;
    });
  }

  /** The address of the launch's shared memory: lines of banks begin at its multiples of 128, which `alignment` is one of. */
  sharedTiles(alignment = 128): Operand {
    this.#launchAlignment = Math.max(this.#launchAlignment, alignment);
    return this.within(this.root, () => {
      const address = this.register('s32', 'tiles_at');
      this.#start(`mov.u32 ${address.text}, ${launchMemory}`);
      return address;
    });
  }

  /** What the shared memory that its launch asks for is aligned to; 0 where it uses none. */
  get launchAlignment(): number {
    return this.#launchAlignment;
  }

  /** Calls a device function, which then is part of the module. */
  call(callee: DeviceFunction, args: readonly Operand[]): Operand {
    this.#functions.add(callee);
    const result = this.register(callee.result, callee.name);
    const lines = [
      ...callee.parameters.flatMap((kind, i) => [
        `.param ${registerTypes[kind]} given${i}`,
        `st.param${registerTypes[kind]} [given${i}], ${(args[i] as Operand).text}`,
      ]),
      `.param ${registerTypes[callee.result]} found`,
      `call.uni (found), ${callee.name}, (${args.map((_, i) => `given${i}`).join(', ')})`,
      `ld.param${registerTypes[callee.result]} ${result.text}, [found]`,
    ];
    this.#scope.lines.push('{', ...lines.map((line) => `  ${line};`), '}');
    return result;
  }

  /** Declarations and instructions, indented. */
  lines(): string[] {
    const declared = [...this.#registers].map(
      ([stem, { kind, count }]) => `.reg ${registerTypes[kind]} %${stem}_<${count}>;`,
    );
    return [...declared, ...this.#shared, ...this.#prologue, ...this.root.lines].map((line) =>
      /^\$\w+:$/.test(line) ? line : `\t${line}`,
    );
  }

  /** Writes an instruction at the very start, before everything that the blocks hold. */
  #start(text: string): void {
    this.#prologue.push(`${text};`);
  }

  #block(head: string, inner: Scope, foot: string): void {
    const lines = inner.lines.map((line) => (/^\$\w+:$/.test(line) ? line : `  ${line}`));
    this.#scope.lines.push(head, ...lines, foot);
  }
}
