/** Where the lines of a run are kept: `lines.jsonl` as they come, so that an interrupted run leaves what it saw, and `table.md` made of them anew. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Line } from './lines.js';
import { tableOf } from './table.js';

export class Results {
  readonly folder: string;
  readonly #lines: Line[] = [];

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    writeFileSync(this.#file('lines.jsonl'), '');
  }

  get lines(): readonly Line[] {
    return this.#lines;
  }

  add(line: Line): void {
    this.#lines.push(line);
    appendFileSync(this.#file('lines.jsonl'), `${JSON.stringify(line)}\n`);
  }

  /** @returns the table, which is written too. */
  table(): string {
    const table = tableOf(this.#lines);
    writeFileSync(this.#file('table.md'), table);
    return table;
  }

  #file(name: string): string {
    return path.join(this.folder, name);
  }
}
