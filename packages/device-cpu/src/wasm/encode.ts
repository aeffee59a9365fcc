/** A function's statements as bytes. Owns the order of locals and the depth of labels; the sections around it are `module-builder.ts`. */
import type { Callable, FunctionBuilder, Label, Statement } from './function-builder.js';
import { unsigned } from './leb128.js';
import type { Local, Value, ValueType } from './value.js';

export const valueTypeCodes: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

const noResult = 0x40;
const end = 0x0b;

/** The body of `f`: its locals, grouped by type, and its code, without the length before it. */
export function encodeBody(f: FunctionBuilder, indexOf: (callee: Callable) => number): number[] {
  const params = f.locals.slice(0, f.paramTypes.length);
  const others = f.locals.slice(f.paramTypes.length);
  const types = [...new Set(others.map(({ type }) => type))];
  const groups = new Map(types.map((type) => [type, others.filter((local) => local.type === type)]));
  const ordered = [...params, ...[...groups.values()].flat()];
  const indices = new Map(ordered.map((local, i) => [local, i]));
  const labels: (Label | null)[] = [];
  const out = unsigned(groups.size);
  for (const [type, { length }] of groups) out.push(...unsigned(length), valueTypeCodes[type]);

  const access = (opcode: number, local: Local): void => {
    const index = indices.get(local);
    if (index === undefined) throw new RangeError(`wasm: local ${local.name} belongs to another function`);
    out.push(opcode);
    unsigned(index, out);
  };

  const value = (written: Value): void => {
    if (written.kind === 'local') return access(0x20, written);
    for (const arg of written.args) value(arg);
    for (const byte of written.code) out.push(byte);
    for (const byte of written.immediate) out.push(byte);
    if (written.callee !== undefined) unsigned(indexOf(written.callee), out);
  };

  const nested = (label: Label | null, body: readonly Statement[]): void => {
    labels.push(label);
    body.forEach(statement);
    labels.pop();
  };

  const statement = (written: Statement): void => {
    switch (written.kind) {
      case 'do':
        return value(written.value);
      case 'set':
        value(written.value);
        return access(0x21, written.local);
      case 'loop':
        out.push(0x03, noResult);
        nested(written.label, written.body);
        out.push(end);
        return;
      case 'if':
        value(written.condition);
        out.push(0x04, noResult);
        nested(null, written.body);
        if (written.otherwise.length > 0) out.push(0x05);
        nested(null, written.otherwise);
        out.push(end);
        return;
      case 'branch': {
        if (written.condition !== null) value(written.condition);
        const at = labels.lastIndexOf(written.label);
        if (at < 0) throw new RangeError('wasm: branch to a loop that does not enclose it');
        out.push(written.condition === null ? 0x0c : 0x0d);
        unsigned(labels.length - 1 - at, out);
        return;
      }
      case 'return':
        if (written.value !== null) value(written.value);
        out.push(0x0f);
        return;
      default: {
        const never: never = written;
        return never;
      }
    }
  };

  f.body.forEach(statement);
  out.push(end);
  return out;
}
