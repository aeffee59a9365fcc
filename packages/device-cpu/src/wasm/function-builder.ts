/**
 * A Wasm function as it is written: parameters, typed locals, statements, structured control. Statements are kept as a tree; `encode.ts`
 * makes bytes of it and `text.ts` a printout. Owns no instruction: see `instructions.ts`. A body reads so:
 *
 *     const f = module.function('scale', { pointer: 'i32', end: 'i32', factor: 'f32' }, null);
 *     const { pointer, end, factor } = f.params;
 *     const by = f.let('by', f32x4.splat(factor));
 *     f.repeat(pointer, end, 16, () => {
 *       f.do(v128.store(pointer, f32x4.mul(v128.load(pointer), by)));
 *     });
 */
import { i32 } from './instructions.js';
import { asValue, type Instruction, type Local, type Operand, type Value, type ValueType } from './value.js';

/** Something that can be called: an import, or a function of the module. */
export interface Callable {
  readonly name: string;
  readonly paramTypes: readonly ValueType[];
  readonly result: ValueType | null;
}

/** The target of a branch: the start of a loop. */
export type Label = object;

export type Statement =
  | { readonly kind: 'do'; readonly value: Instruction }
  | { readonly kind: 'set'; readonly local: Local; readonly value: Value }
  | { readonly kind: 'loop'; readonly label: Label; readonly body: readonly Statement[] }
  | {
      readonly kind: 'if';
      readonly condition: Value;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | { readonly kind: 'branch'; readonly label: Label; readonly condition: Value | null }
  | { readonly kind: 'return'; readonly value: Value | null };

/** Calls `callee`; a value if it gives one, else a statement for `f.do`. */
export function call(callee: Callable, ...operands: readonly Operand[]): Instruction {
  if (operands.length !== callee.paramTypes.length) {
    throw new TypeError(`wasm: ${callee.name} takes ${callee.paramTypes.length} arguments, got ${operands.length}`);
  }
  const args = callee.paramTypes.map((type, i) => asValue(operands[i] as Operand, type, null, `call ${callee.name}`));
  return { kind: 'instruction', name: 'call', type: callee.result, args, code: [0x10], immediate: [], callee };
}

export class FunctionBuilder<P extends string = string> implements Callable {
  readonly name: string;
  readonly params: Readonly<Record<P, Local>>;
  readonly paramTypes: readonly ValueType[];
  readonly result: ValueType | null;
  /** Parameters first, then the other locals in the order of their making. */
  readonly locals: Local[] = [];
  readonly body: Statement[] = [];
  readonly #names = new Map<string, number>();
  #open: Statement[] = this.body;

  constructor(name: string, params: Readonly<Record<P, ValueType>>, result: ValueType | null) {
    this.name = name;
    this.result = result;
    const entries = Object.entries(params) as [P, ValueType][];
    this.paramTypes = entries.map(([, type]) => type);
    this.params = Object.fromEntries(entries.map(([key, type]) => [key, this.local(key, type)])) as Record<P, Local>;
  }

  /** A parameter whose name is not known beforehand. */
  param(name: string): Local {
    const param = (this.params as Readonly<Record<string, Local>>)[name];
    if (param === undefined) throw new RangeError(`wasm: ${this.name} has no parameter ${name}`);
    return param;
  }

  /** A new local, 0 until it is set (once per call of the function, not per turn of a loop). Names need not be unique. */
  local(name: string, type: ValueType): Local {
    const seen = this.#names.get(name) ?? 0;
    this.#names.set(name, seen + 1);
    const local: Local = { kind: 'local', name: seen === 0 ? name : `${name}.${seen}`, type };
    this.locals.push(local);
    return local;
  }

  /** A new local that holds `value` from here on. */
  let(name: string, value: Value): Local {
    const local = this.local(name, value.type as ValueType);
    this.set(local, value);
    return local;
  }

  /** A local that holds `value`: itself if it is one. */
  held(name: string, value: Value): Local {
    return value.kind === 'local' ? value : this.let(name, value);
  }

  set(local: Local, value: Operand): void {
    this.#open.push({ kind: 'set', local, value: asValue(value, local.type, null, `set ${local.name}`) });
  }

  /** local = local + amount, for i32. */
  advance(local: Local, amount: Operand): void {
    this.set(local, i32.add(local, amount));
  }

  /** Runs an instruction for its effect: a store, a call without result, a fill. */
  do(value: Instruction): void {
    this.#open.push({ kind: 'do', value });
  }

  /** Branching to the label starts again; running off the end leaves the loop. */
  loop(body: (again: Label) => void): void {
    const label = {};
    this.#open.push({ kind: 'loop', label, body: this.#nested(() => body(label)) });
  }

  if(condition: Operand, then: () => void, otherwise: () => void = () => {}): void {
    const value = asValue(condition, 'i32', null, 'if');
    this.#open.push({ kind: 'if', condition: value, body: this.#nested(then), otherwise: this.#nested(otherwise) });
  }

  branch(label: Label): void {
    this.#open.push({ kind: 'branch', label, condition: null });
  }

  branchIf(label: Label, condition: Value): void {
    this.#open.push({ kind: 'branch', label, condition });
  }

  /** Runs `body`, adds `step` to `counter`, and again while it is below `end` (unsigned; when `step` is negative: above). At least once. */
  repeat(counter: Local, end: Operand, step: number, body: () => void): void {
    this.loop((again) => {
      body();
      this.advance(counter, step);
      this.branchIf(again, step > 0 ? i32.ltU(counter, end) : i32.gtU(counter, end));
    });
  }

  /** The same, but not even once where `counter` is not below `end` at the start. */
  while(counter: Local, end: Operand, step: number, body: () => void): void {
    this.if(step > 0 ? i32.ltU(counter, end) : i32.gtU(counter, end), () => this.repeat(counter, end, step, body));
  }

  return(value?: Operand): void {
    const given = value === undefined || this.result === null ? null : asValue(value, this.result, null, 'return');
    this.#open.push({ kind: 'return', value: given });
  }

  #nested(write: () => void): Statement[] {
    const outer = this.#open;
    const inner: Statement[] = [];
    this.#open = inner;
    write();
    this.#open = outer;
    return inner;
  }
}
