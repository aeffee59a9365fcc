/**
 * The WGSL module of one dispatch: its bindings, runtime scalars, helpers and entry point. Names are given in the order of use, so equal kernels on
 * different slots have equal text and share a pipeline. Owns everything around the body; the body is the emitter's and the kernels'.
 */
import type { DType, Slot } from '@torchlet/device';
import { arrayType, type Elements, type View } from './elements.js';
import { type HelperName, Helpers } from './helpers.js';
import { kindOf, type Width } from './kinds.js';
import { Writer } from './writer.js';

/** What kernels of one program are generated for. */
export interface KernelSite {
  readonly slots: readonly Slot[];
  readonly scalars: readonly DType[];
  readonly target: Target;
}

/** What the adapter offers and how its kernels run best. */
export interface Target {
  /** Whether float16 has a type of its own. */
  readonly f16: boolean;
  /** Whether threads of a workgroup share work through its memory: fast on real adapters, very slow on emulated ones. */
  readonly sharing: boolean;
  readonly maxGroupsPerDimension: number;
}

export type Access = 'read' | 'read_write';

export interface Binding {
  readonly slot: number;
  readonly access: Access;
}

/** One dispatch: its module, what is bound at 0, 1, ... (scalars last), and how many workgroups run. */
export interface KernelCode {
  readonly name: string;
  readonly text: string;
  readonly bindings: readonly Binding[];
  /** Slots of the program's scalars, in the order of the uniform's words; empty where there is no uniform. */
  readonly scalars: readonly number[];
  readonly groups: readonly [x: number, y: number];
}

export class KernelModule {
  readonly site: KernelSite;
  readonly name: string;
  readonly writer = new Writer();
  readonly #helpers = new Helpers();
  readonly #views: ReadonlyMap<number, View>;
  readonly #written: ReadonlySet<number>;
  readonly #elements = new Map<number, Elements>();
  readonly #scalars: number[] = [];
  readonly #shared: string[] = [];

  /** @param written slots that the kernel stores to. @param views how slots are seen; `scalar` where it does not say. */
  constructor(site: KernelSite, name: string, written: ReadonlySet<number>, views: ReadonlyMap<number, View>) {
    this.site = site;
    this.name = name;
    this.#written = written;
    this.#views = views;
  }

  helper = (name: HelperName, width: Width = 1): string => this.#helpers.use(name, width);

  /** The binding of a slot. */
  elements(slot: number): Elements {
    const known = this.#elements.get(slot);
    if (known !== undefined) return known;
    const described = this.site.slots[slot];
    if (described === undefined) throw new RangeError(`slot ${slot} of ${this.site.slots.length}`);
    const written = this.#written.has(slot);
    const same = [...this.#elements.values()].filter((other) => other.written === written).length;
    const elements: Elements = {
      name: `${written ? 'output' : 'input'}${same}`,
      dtype: described.dtype,
      view: this.#views.get(slot) ?? 'scalar',
      written,
      native: this.site.target.f16,
      size: described.size,
    };
    this.#elements.set(slot, elements);
    return elements;
  }

  /** A runtime scalar as an expression. */
  scalar(slot: number): string {
    let position = this.#scalars.indexOf(slot);
    if (position < 0) position = this.#scalars.push(slot) - 1;
    const name = `scalars.scalar${position}`;
    return kindOf(this.site.scalars[slot] ?? 'float32') === 'bool' ? `(${name} != 0u)` : name;
  }

  /** Memory that the threads of a workgroup share. */
  shared(name: string, type: string): void {
    this.#shared.push(`var<workgroup> ${name}: ${type};`);
  }

  /** The module, run by `threads` threads a workgroup, which tell themselves apart by `builtins`. */
  finish(comment: string, threads: number, builtins: readonly string[], groups: readonly [number, number]): KernelCode {
    const slots = [...this.#elements.keys()];
    const bindings = slots.map((slot) => ({ slot, access: this.#access(slot) }));
    const declared = bindings.map(({ slot, access }, i) => {
      const elements = this.elements(slot);
      return `@group(0) @binding(${i}) var<storage, ${access}> ${elements.name}: ${arrayType(elements)};`;
    });
    const native = [...this.#elements.values()].some(({ dtype }) => dtype === 'float16') && this.site.target.f16;
    const parts = [
      ...(native ? ['enable f16;'] : []),
      `// ${comment}`,
      [...this.#scalarLines(bindings.length), ...declared, ...this.#shared].join('\n'),
      ...this.#helpers.texts,
      `@compute @workgroup_size(${threads})\nfn main(${builtins.join(', ')}) {\n${this.writer.root.lines.map((line) => `  ${line}`).join('\n')}\n}`,
    ];
    return { name: this.name, text: `${parts.join('\n\n')}\n`, bindings, scalars: this.#scalars, groups };
  }

  #scalarLines(position: number): string[] {
    if (this.#scalars.length === 0) return [];
    const fields = this.#scalars.map((slot, i) => {
      const kind = kindOf(this.site.scalars[slot] ?? 'float32');
      return `  scalar${i}: ${kind === 'bool' ? 'u32' : kind},`;
    });
    return ['struct Scalars {', ...fields, '}', `@group(0) @binding(${position}) var<uniform> scalars: Scalars;`];
  }

  /** A buffer that a dispatch writes may not be bound to it read-only as well: arena slots share buffers, and so may outside spans. */
  #access(slot: number): Access {
    if (this.#written.has(slot)) return 'read_write';
    const { slots } = this.site;
    const home = (at: number): string => {
      const found = slots[at];
      return found?.kind === 'arena' ? `arena ${found.segment}` : (found?.kind ?? '');
    };
    const own = home(slot);
    return [...this.#written].some((other) => home(other) === own) ? 'read_write' : 'read';
  }
}
