/**
 * What a visitor of the page downloads. Owns the refusal of what a browser must not get (modules of Node, the CUDA device), and the weights of the
 * files that are built.
 */

import { builtinModules } from 'node:module';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

export interface BuiltFile {
  readonly file: string;
  /** Of a script: the group of packages it was made of. */
  readonly chunk: string | undefined;
  /** Gzipped. */
  readonly bytes: number;
  /** Imported, and not built in: a browser would not find them. */
  readonly missing: readonly string[];
}

/** The packages that every device needs, and the name of their file. */
export const frameworkChunk = 'torchlet';

const framework = ['device', 'graph', 'autograd', 'compiler', 'tensor', 'nn', 'optim', 'data', 'train'];
const devices = ['device-cpu', 'device-webgpu'];

/** Files of which the framework and each device are told apart. */
export const chunkGroups = [
  { name: frameworkChunk, test: packages(framework), priority: 2 },
  ...devices.map((name) => ({ name, test: packages([name]), priority: 1 })),
];

function packages(names: readonly string[]): RegExp {
  return new RegExp(`[\\\\/]packages[\\\\/](?:${names.join('|')})[\\\\/]`);
}

export class BundleReport {
  readonly #files: BuiltFile[] = [];

  /** Largest first. */
  get files(): readonly BuiltFile[] {
    return [...this.#files].sort((a, b) => b.bytes - a.bytes);
  }

  /** For the page and for its worker, which are built apart. */
  plugin(): Plugin {
    return {
      name: 'torchlet:bundle-report',
      enforce: 'pre',
      resolveId: (source, importer) => {
        if (isNodes(source)) {
          throw new Error(`${importer} imports ${source}, which a browser has not`);
        }
        if (source.includes('device-cuda')) {
          throw new Error(`${importer} imports ${source}, which is of no use in a browser`);
        }
        return undefined;
      },
      generateBundle: {
        // After all others have changed the files.
        order: 'post',
        handler: (_, bundle) => {
          for (const output of Object.values(bundle)) {
            const content = output.type === 'chunk' ? output.code : output.source;
            const imports = output.type === 'chunk' ? [...output.imports, ...output.dynamicImports] : [];
            this.#add({
              file: output.fileName,
              chunk: output.type === 'chunk' ? output.name : undefined,
              bytes: gzipSync(content, { level: 9 }).length,
              missing: imports.filter((name) => !(name in bundle)),
            });
          }
        },
      },
    };
  }

  /** The worker's files are seen once as its own build's and once as the page's. */
  #add(file: BuiltFile): void {
    if (!this.#files.some((known) => known.file === file.file)) {
      this.#files.push(file);
    }
  }

  /** Gzipped bytes of the framework's code with one device. */
  frameworkBytes(device: string): number {
    const wanted = [frameworkChunk, `device-${device}`];
    return this.#files.reduce((sum, { chunk, bytes }) => (wanted.includes(chunk ?? '') ? sum + bytes : sum), 0);
  }

  /** What the page would ask for in vain; empty as it should be. */
  get missing(): readonly string[] {
    return this.#files.flatMap(({ missing }) => missing);
  }
}

function isNodes(source: string): boolean {
  return source.startsWith('node:') || builtinModules.includes(source);
}
