/**
 * A Wasm module: imports, functions, exports, data, and the bytes of all that. One memory, always imported. Equal functions are written
 * once. Owns the sections; a function's inside is `function-builder.ts`.
 */
import { ByteWriter } from './byte-writer.js';
import { encodeBody, valueTypeCodes } from './encode.js';
import { type Callable, FunctionBuilder } from './function-builder.js';
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

interface DataSegment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

const sections = { type: 1, import: 2, function: 3, export: 7, code: 10, data: 11 } as const;

export class ModuleBuilder {
  readonly #memory: MemoryImport;
  readonly #imports: (Callable & { readonly from: string })[] = [];
  readonly #functions: FunctionBuilder[] = [];
  readonly #exports = new Map<string, Callable>();
  readonly #data: DataSegment[] = [];
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
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = make(this);
    this.#made.set(key, made);
    return made;
  }

  export(name: string, callee: Callable): void {
    this.#exports.set(name, callee);
  }

  /** Bytes copied to `address` when the module is instantiated. */
  data(address: number, bytes: Uint8Array): void {
    this.#data.push({ address, bytes });
  }

  /** The binary. */
  bytes(): Uint8Array<ArrayBuffer> {
    const { functions, bodies, indexOf } = this.#numbered();
    const types: Callable[] = [];
    const typeOf = (callee: Callable): number => {
      const known = types.findIndex((other) => sameSignature(other, callee));
      return known < 0 ? types.push(callee) - 1 : known;
    };
    for (const callee of [...this.#imports, ...functions]) typeOf(callee);

    const out = new ByteWriter();
    out.bytes([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    section(out, sections.type, types.map(encodeSignature));
    section(out, sections.import, [
      this.#memoryImport(),
      ...this.#imports.map((callee) =>
        written((item) => {
          item.name(callee.from);
          item.name(callee.name);
          item.byte(0);
          item.u32(typeOf(callee));
        }),
      ),
    ]);
    section(
      out,
      sections.function,
      functions.map((f) => written((item) => item.u32(typeOf(f)))),
    );
    section(
      out,
      sections.export,
      [...this.#exports].map(([name, callee]) =>
        written((item) => {
          item.name(name);
          item.byte(0);
          item.u32(indexOf(callee));
        }),
      ),
    );
    section(
      out,
      sections.code,
      bodies.map((body) =>
        written((item) => {
          item.u32(body.length);
          item.bytes(body);
        }),
      ),
    );
    section(out, sections.data, this.#data.map(encodeData));
    return out.view().slice();
  }

  /** The functions in the order of their making, equal ones included. */
  get functions(): readonly FunctionBuilder[] {
    return this.#functions;
  }

  /** Functions whose signature and code are equal share one index. A callee is encoded before its callers, so equality is seen through calls. */
  #numbered() {
    const functions: FunctionBuilder[] = [];
    const bodies: Uint8Array[] = [];
    const indices = new Map<Callable, number>(this.#imports.map((callee, i) => [callee, i]));
    const byHash = new Map<number, number[]>();
    const encoding = new Set<Callable>();
    const indexOf = (callee: Callable): number => {
      const known = indices.get(callee);
      if (known !== undefined) return known;
      if (!(callee instanceof FunctionBuilder))
        throw new RangeError(`wasm: ${callee.name} is no function of this module`);
      if (encoding.has(callee)) throw new RangeError(`wasm: ${callee.name} calls itself`);
      encoding.add(callee);
      const body = encodeBody(callee, indexOf);
      const alike = byHash.get(hash(body)) ?? [];
      byHash.set(hash(body), alike);
      const equal = alike.find(
        (i) => sameSignature(functions[i] as Callable, callee) && sameBytes(bodies[i] as Uint8Array, body),
      );
      const position = equal ?? functions.length;
      if (equal === undefined) {
        functions.push(callee);
        bodies.push(body);
        alike.push(position);
      }
      indices.set(callee, this.#imports.length + position);
      return this.#imports.length + position;
    };
    for (const f of this.#functions) indexOf(f);
    return { functions, bodies, indexOf };
  }

  #memoryImport(): Uint8Array {
    const { initial, maximum, shared } = this.#memory;
    return written((item) => {
      item.name('env');
      item.name('memory');
      item.byte(2);
      item.byte((maximum === null ? 0 : 1) | (shared ? 2 : 0));
      item.u32(initial);
      if (maximum !== null) item.u32(maximum);
    });
  }
}

function hash(body: Uint8Array): number {
  return body.reduce((sum, byte) => Math.imul(sum ^ byte, 0x01000193), 0x811c9dc5);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function sameSignature(a: Callable, b: Callable): boolean {
  return a.result === b.result && a.paramTypes.join() === b.paramTypes.join();
}

function written(write: (item: ByteWriter) => void): Uint8Array {
  const item = new ByteWriter();
  write(item);
  return item.view();
}

function section(out: ByteWriter, id: number, items: readonly Uint8Array[]): void {
  if (items.length === 0) return;
  const content = new ByteWriter();
  content.u32(items.length);
  for (const item of items) content.bytes(item);
  out.byte(id);
  out.u32(content.length);
  out.bytes(content.view());
}

function encodeSignature({ paramTypes, result }: Callable): Uint8Array {
  return written((item) => {
    item.byte(0x60);
    for (const types of [paramTypes, result === null ? [] : [result]]) {
      item.u32(types.length);
      for (const type of types) item.byte(valueTypeCodes[type]);
    }
  });
}

function encodeData({ address, bytes }: DataSegment): Uint8Array {
  return written((item) => {
    item.byte(0);
    item.byte(0x41);
    item.i32(address);
    item.byte(0x0b);
    item.u32(bytes.length);
    item.bytes(bytes);
  });
}
