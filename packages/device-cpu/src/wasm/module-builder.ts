/**
 * A Wasm module: imports, functions, exports, and the bytes of all that. One memory, always imported. Equal functions are written once. Owns the
 * sections; a function's inside is `function-builder.ts`.
 */
import { encodeBody, valueTypeCodes } from './encode.js';
import { type Callable, FunctionBuilder } from './function-builder.js';
import { unsigned } from './leb128.js';
import type { ValueType } from './value.js';

/** Pages of 64 KiB of the memory that is imported as `env.memory`. A shared one has a maximum. */
export interface MemoryImport {
  readonly initial: number;
  readonly maximum: number | null;
  readonly shared: boolean;
}

/** What an instance is given: its memory, and the engine's `Math` to import functions of. */
export function importsOf(memory: WebAssembly.Memory): WebAssembly.Imports {
  return { env: { memory }, Math: Math as unknown as WebAssembly.ModuleImports };
}

const sections = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const;

export class ModuleBuilder {
  readonly #memory: MemoryImport;
  readonly #imports: (Callable & { readonly from: string })[] = [];
  readonly #functions: FunctionBuilder[] = [];
  readonly #exports = new Map<string, Callable>();
  readonly #made = new Map<string, Callable>();

  constructor(memory: MemoryImport) {
    this.#memory = memory;
  }

  /** A function of the host, imported as `from.name`. */
  import(from: string, name: string, paramTypes: readonly ValueType[], result: ValueType | null): Callable {
    const callee = { from, name, paramTypes, result };
    this.#imports.push(callee);
    return callee;
  }

  /** A new function; its body may be written at any time before `bytes`. Names need not be unique. */
  function<P extends string>(
    name: string,
    params: Readonly<Record<P, ValueType>>,
    result: ValueType | null,
  ): FunctionBuilder<P> {
    const f = new FunctionBuilder<P>(name, params, result);
    this.#functions.push(f);
    return f;
  }

  /** The function made for `key` in this module, made at its first mention. */
  once(key: string, make: (module: ModuleBuilder) => Callable): Callable {
    const known = this.#made.get(key) ?? make(this);
    this.#made.set(key, known);
    return known;
  }

  export(name: string, callee: Callable): void {
    this.#exports.set(name, callee);
  }

  /** The functions in the order of their making, equal ones included. */
  get functions(): readonly FunctionBuilder[] {
    return this.#functions;
  }

  /** The binary. */
  bytes(): Uint8Array<ArrayBuffer> {
    const types = new Distinct();
    const typeOf = ({ paramTypes, result }: Callable): number =>
      types.indexOf([0x60, ...listOf(paramTypes), ...listOf(result === null ? [] : [result])]);
    const { initial, maximum, shared } = this.#memory;
    const limits = [(maximum === null ? 0 : 1) | (shared ? 2 : 0), ...unsigned(initial)];
    const memory = [...text('env'), ...text('memory'), 2, ...limits, ...(maximum === null ? [] : unsigned(maximum))];

    // Functions whose signature and code are equal share one index. A callee is encoded before its callers, so equality is seen through calls.
    const functions = new Distinct();
    const indices = new Map<Callable, number>(this.#imports.map((callee, i) => [callee, i]));
    const signatures: number[][] = [];
    const bodies: number[][] = [];
    const indexOf = (callee: Callable): number => {
      const known = indices.get(callee);
      if (known !== undefined) return known;
      const body = encodeBody(callee as FunctionBuilder, indexOf);
      const type = unsigned(typeOf(callee));
      const position = functions.indexOf([...type, ...body]);
      signatures[position] = type;
      bodies[position] = [...unsigned(body.length), ...body];
      indices.set(callee, this.#imports.length + position);
      return this.#imports.length + position;
    };
    const imports = this.#imports.map((callee) => [
      ...text(callee.from),
      ...text(callee.name),
      0,
      ...unsigned(typeOf(callee)),
    ]);
    this.#functions.forEach(indexOf);
    return joined([
      [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(sections.type, types.items),
      ...section(sections.import, [memory, ...imports]),
      ...section(sections.function, signatures),
      ...section(
        sections.export,
        [...this.#exports].map(([name, callee]) => [...text(name), 0, ...unsigned(indexOf(callee))]),
      ),
      ...section(sections.code, bodies),
    ]);
  }
}

/** Sequences of bytes, equal ones once. */
class Distinct {
  readonly items: (readonly number[])[] = [];
  readonly #known = new Map<string, number>();

  indexOf(bytes: readonly number[]): number {
    const key = textOf(bytes);
    const index = this.#known.get(key) ?? this.items.push(bytes) - 1;
    this.#known.set(key, index);
    return index;
  }
}

function listOf(types: readonly ValueType[]): number[] {
  return [...unsigned(types.length), ...types.map((type) => valueTypeCodes[type])];
}

function text(name: string): number[] {
  return [...unsigned(name.length), ...Array.from(name, (letter) => letter.charCodeAt(0))];
}

function section(id: number, items: readonly (readonly number[])[]): (readonly number[])[] {
  if (items.length === 0) return [];
  const content = [unsigned(items.length), ...items];
  return [[id, ...unsigned(lengthOf(content))], ...content];
}

function lengthOf(parts: readonly (readonly number[])[]): number {
  return parts.reduce((length, part) => length + part.length, 0);
}

function joined(parts: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(lengthOf(parts));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A string of a letter a byte: a tenth of the time of `join`. In pieces, since a call takes only so many arguments. */
function textOf(bytes: readonly number[]): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.slice(at, at + 8192));
  return text;
}
