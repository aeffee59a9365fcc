/**
 * The module of a program: its header, the device functions that its kernels call, and the entries. Kernels whose text is equal are one entry. Owns
 * the text around bodies, and names of entries.
 */
import type { Extent, Launch } from '../generated.js';
import { type Body, launchMemory } from './body.js';
import type { DeviceFunction } from './functions.js';

/** What a kernel asks of its launch. */
export interface LaunchShape {
  readonly grid: Extent;
  readonly block: Extent;
  /** Dynamic shared memory, beside what the body declares. */
  readonly sharedBytes?: number;
  /** Blocks that a multiprocessor should have room for, which bounds the registers of a thread. */
  readonly leastBlocks?: number;
}

/** One kernel, ready to be an entry. */
export interface KernelCode extends LaunchShape {
  readonly name: string;
  /** What was fused, and how the threads are spread. */
  readonly comment: string;
  readonly body: Body;
  /** What its text is for. Default: every card. */
  readonly architecture?: Architecture;
}

export type Architecture = 'sm_80' | 'sm_90a';

/**
 * The first PTX that knows what is used. 7.0 knows sm_80, bfloat16 and TF32, and needs a driver of 450 or later. 8.0 knows `wgmma`, needs a driver of CUDA 12, and
 * what is for sm_90a runs on cards of compute capability 9.0 alone.
 */
const versions: Readonly<Record<Architecture, string>> = { sm_80: '7.0', sm_90a: '8.0' };

export class PtxModule {
  readonly #entries: string[] = [];
  /** Names of entries by their text. */
  readonly #known = new Map<string, string>();
  readonly #names = new Map<string, number>();
  readonly #functions = new Set<DeviceFunction>();
  #launchAlignment = 0;
  #architecture: Architecture = 'sm_80';

  /** Adds a kernel and gives its launch. */
  add(code: KernelCode, kernel: number): Launch {
    const { body, block, comment } = code;
    const parameters = body.parameters.map(({ name }) => `\t.param .u64 ${name}`);
    const text = [
      `(${parameters.length === 0 ? '' : `\n${parameters.join(',\n')}\n`})`,
      `.maxntid ${block.join(', ')}`,
      ...(code.leastBlocks === undefined ? [] : [`.minnctapersm ${code.leastBlocks}`]),
      '{',
      ...body.lines(),
      '\tret;',
      '}',
    ].join('\n');
    let entry = this.#known.get(text);
    if (entry === undefined) {
      entry = this.#name(code.name);
      this.#known.set(text, entry);
      for (const used of body.functions) this.#use(used);
      this.#launchAlignment = Math.max(this.#launchAlignment, body.launchAlignment);
      this.#architecture = code.architecture ?? this.#architecture;
      this.#entries.push(`// ${comment.replace(/\s+/g, ' ')}\n.visible .entry ${entry}${text}\n`);
    }
    return {
      kind: 'launch',
      kernel,
      entry,
      grid: code.grid,
      block,
      sharedBytes: code.sharedBytes ?? 0,
      arguments: body.parameters.map(({ argument }) => argument),
    };
  }

  /** The module, for every card unless one of its kernels is not; empty where nothing was added. */
  text(): string {
    if (this.#entries.length === 0) return '';
    const alignment = this.#launchAlignment;
    const memory = alignment > 0 ? [`.extern .shared .align ${alignment} .b8 ${launchMemory}[];`, ''] : [];
    return [
      `.version ${versions[this.#architecture]}`,
      `.target ${this.#architecture}`,
      '.address_size 64',
      '',
      ...memory,
      ...[...this.#functions].map(({ text }) => `${text}\n`),
      ...this.#entries,
    ].join('\n');
  }

  #use(used: DeviceFunction): void {
    for (const callee of used.calls) this.#use(callee);
    this.#functions.add(used);
  }

  #name(name: string): string {
    const stem = name.replace(/\W+/g, '_').replace(/^(?=\d|$)/, 'kernel_');
    const count = this.#names.get(stem) ?? 0;
    this.#names.set(stem, count + 1);
    return count === 0 ? stem : this.#name(`${stem}_${count + 1}`);
  }
}
