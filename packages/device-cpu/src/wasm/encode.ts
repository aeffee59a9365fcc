/** A function's statements as bytes. Owns the order of locals and the depth of labels; the sections around it are `module-builder.ts`. */
import { ByteWriter } from './byte-writer.js';
import type { Callable, FunctionBuilder, Label, Statement } from './function-builder.js';
import type { Immediate, Local, Value, ValueType } from './value.js';

export const valueTypeCodes: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

const noResult = 0x40;
const end = 0x0b;

class Encoder {
  readonly #out: ByteWriter;
  readonly #indexOf: (callee: Callable) => number;
  readonly #locals: ReadonlyMap<Local, number>;
  readonly #labels: (Label | null)[] = [];

  constructor(out: ByteWriter, locals: ReadonlyMap<Local, number>, indexOf: (callee: Callable) => number) {
    this.#out = out;
    this.#locals = locals;
    this.#indexOf = indexOf;
  }

  statements(statements: readonly Statement[]): void {
    for (const statement of statements) this.#statement(statement);
  }

  #statement(statement: Statement): void {
    const out = this.#out;
    switch (statement.kind) {
      case 'do':
        this.#value(statement.value);
        return;
      case 'set':
        this.#value(statement.value);
        this.#local(0x21, statement.local);
        return;
      case 'block':
      case 'loop':
        out.byte(statement.kind === 'block' ? 0x02 : 0x03);
        out.byte(noResult);
        this.#nested(statement.label, statement.body);
        out.byte(end);
        return;
      case 'if':
        this.#value(statement.condition);
        out.byte(0x04);
        out.byte(noResult);
        this.#nested(null, statement.body);
        if (statement.otherwise.length > 0) {
          out.byte(0x05);
          this.#nested(null, statement.otherwise);
        }
        out.byte(end);
        return;
      case 'branch': {
        if (statement.condition !== null) this.#value(statement.condition);
        const at = this.#labels.lastIndexOf(statement.label);
        if (at < 0) throw new RangeError(`wasm: branch to a ${statement.label.name} that does not enclose it`);
        out.byte(statement.condition === null ? 0x0c : 0x0d);
        out.u32(this.#labels.length - 1 - at);
        return;
      }
      case 'return':
        if (statement.value !== null) this.#value(statement.value);
        out.byte(0x0f);
        return;
      case 'comment':
        return;
      default: {
        const never: never = statement;
        return never;
      }
    }
  }

  #nested(label: Label | null, body: readonly Statement[]): void {
    this.#labels.push(label);
    this.statements(body);
    this.#labels.pop();
  }

  #value(value: Value): void {
    switch (value.kind) {
      case 'local':
        this.#local(0x20, value);
        return;
      case 'tee':
        this.#value(value.args[0]);
        this.#local(0x22, value.local);
        return;
      case 'instruction': {
        for (const arg of value.args) this.#value(arg);
        if (value.opcode > 0xff) {
          this.#out.byte(value.opcode >>> 16);
          this.#out.u32(value.opcode & 0xffff);
        } else this.#out.byte(value.opcode);
        if (value.immediate !== null) this.#immediate(value.immediate);
        return;
      }
      default: {
        const never: never = value;
        return never;
      }
    }
  }

  #local(opcode: number, local: Local): void {
    const index = this.#locals.get(local);
    if (index === undefined) throw new RangeError(`wasm: local ${local.name} belongs to another function`);
    this.#out.byte(opcode);
    this.#out.u32(index);
  }

  #immediate(immediate: Immediate): void {
    const out = this.#out;
    switch (immediate.kind) {
      case 'bytes':
        out.bytes(immediate.bytes);
        return;
      case 'memory':
        out.u32(immediate.align);
        out.u32(immediate.offset);
        if (immediate.lane !== null) out.byte(immediate.lane);
        return;
      case 'function':
        out.u32(this.#indexOf(immediate.callee));
        return;
      case 'number':
        this.#number(immediate.type, immediate.value);
        return;
      default: {
        const never: never = immediate;
        return never;
      }
    }
  }

  #number(type: ValueType, value: number | bigint | Uint8Array): void {
    if (typeof value === 'object') return this.#out.bytes(value);
    switch (type) {
      case 'i32':
        return this.#out.i32(Number(value));
      case 'i64':
        return this.#out.i64(BigInt(value));
      case 'f32':
        return this.#out.f32(Number(value));
      case 'f64':
        return this.#out.f64(Number(value));
      case 'v128':
        throw new TypeError('wasm: a v128 constant needs its bytes');
      default: {
        const never: never = type;
        return never;
      }
    }
  }
}

/** The body of `f`: its locals, grouped by type, and its code, without the length before it. */
export function encodeBody(f: FunctionBuilder, indexOf: (callee: Callable) => number): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  const indices = new Map<Local, number>();
  for (const local of f.locals.slice(0, f.paramTypes.length)) indices.set(local, indices.size);
  const others = f.locals.slice(f.paramTypes.length);
  const types = [...new Set(others.map((local) => local.type))];
  out.u32(types.length);
  for (const type of types) {
    const group = others.filter((local) => local.type === type);
    out.u32(group.length);
    out.byte(valueTypeCodes[type]);
    for (const local of group) indices.set(local, indices.size);
  }
  new Encoder(out, indices, indexOf).statements(f.body);
  out.byte(end);
  return out.view().slice();
}
