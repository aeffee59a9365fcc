/** A function as text, near to WAT with folded expressions and named locals: for snapshots and for people, never parsed. Owns spelling only. */
import type { FunctionBuilder, Label, Statement } from './function-builder.js';
import type { ModuleBuilder } from './module-builder.js';
import type { ConstantValue, Instruction, Value } from './value.js';

class Printer {
  readonly lines: string[] = [];
  readonly #labels = new Map<Label, string>();

  statements(statements: readonly Statement[], indent: string): void {
    for (const statement of statements) this.#statement(statement, indent);
  }

  #statement(statement: Statement, indent: string): void {
    switch (statement.kind) {
      case 'do':
        this.lines.push(indent + printValue(statement.value));
        return;
      case 'set':
        this.lines.push(`${indent}${statement.local.name} = ${printValue(statement.value)}`);
        return;
      case 'loop':
        this.lines.push(`${indent}loop ${this.#name(statement.label)}`);
        this.statements(statement.body, `${indent}  `);
        return;
      case 'if':
        this.lines.push(`${indent}if ${printValue(statement.condition)}`);
        this.statements(statement.body, `${indent}  `);
        if (statement.otherwise.length > 0) {
          this.lines.push(`${indent}else`);
          this.statements(statement.otherwise, `${indent}  `);
        }
        return;
      case 'branch':
        this.lines.push(
          `${indent}branch ${this.#name(statement.label)}${statement.condition === null ? '' : ` if ${printValue(statement.condition)}`}`,
        );
        return;
      case 'return':
        this.lines.push(`${indent}return${statement.value === null ? '' : ` ${printValue(statement.value)}`}`);
        return;
      default: {
        const never: never = statement;
        return never;
      }
    }
  }

  #name(label: Label): string {
    const known = this.#labels.get(label);
    if (known !== undefined) return known;
    const name = `loop${this.#labels.size}`;
    this.#labels.set(label, name);
    return name;
  }
}

function printValue(value: Value): string {
  if (value.kind === 'local') return value.name;
  if (value.value !== undefined) return printConstant(value, value.value);
  const parts = value.args.map(printValue);
  if (value.callee !== undefined) return `${value.callee.name}(${parts.join(', ')})`;
  return `${spelled(value.name)}(${[...parts, ...printImmediate(value)].join(', ')})`;
}

/** `load32Splat` as the specification spells it. */
function spelled(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Accesses have an alignment, an offset and perhaps a lane; the rest a lane or the bytes of a shuffle. */
function printImmediate({ name, immediate }: Instruction): string[] {
  if (!/load|store|atomic/.test(name)) return immediate.length === 0 ? [] : [`[${immediate.join(' ')}]`];
  const [, ...bytes] = immediate;
  const last = bytes.findIndex((byte) => byte < 128);
  const offset = bytes.slice(0, last + 1).reduceRight((sum, byte) => sum * 128 + (byte & 127), 0);
  const lane = bytes[last + 1];
  return [...(offset === 0 ? [] : [`+${offset}`]), ...(lane === undefined ? [] : [`lane ${lane}`])];
}

function printConstant({ type }: Instruction, value: ConstantValue): string {
  if (typeof value !== 'object')
    return type === 'i32' ? String(value) : `${type}(${Object.is(value, -0) ? '-0' : value})`;
  const view = new DataView(value.buffer, value.byteOffset, 16);
  const words = [0, 4, 8, 12].map((at) => view.getUint32(at, true));
  const hex = words.map((word) => word.toString(16).padStart(8, '0'));
  if (words.some((word) => word !== words[0])) return `v128(${hex.join(' ')})`;
  const float = view.getFloat32(0, true);
  return Math.abs(float) > 1e-20 && Math.abs(float) < 1e20
    ? `splat(${Number(float.toPrecision(7))})`
    : `splat(0x${hex[0]})`;
}

/** Every function of a module. */
export function printModule(module: ModuleBuilder): string {
  return module.functions.map(printFunction).join('\n\n');
}

/** A function's signature and body in lines. */
export function printFunction(f: FunctionBuilder): string {
  const params = f.locals.slice(0, f.paramTypes.length).map((local) => `${local.name}: ${local.type}`);
  const printer = new Printer();
  printer.statements(f.body, '  ');
  return [`${f.name}(${params.join(', ')})${f.result === null ? '' : `: ${f.result}`}`, ...printer.lines].join('\n');
}
