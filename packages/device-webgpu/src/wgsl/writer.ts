/**
 * The text of a WGSL function body as nested scopes. A line can be added to any scope that is still open: what does not change in a loop is written
 * before it. Owns lines, indentation and names; what the lines say is the emitter's.
 */

/** A block that is being written. Its values can be used by itself and the blocks in it. */
export class Scope {
  readonly parent: Scope | null;
  readonly depth: number;
  readonly lines: string[] = [];

  constructor(parent: Scope | null) {
    this.parent = parent;
    this.depth = parent === null ? 0 : parent.depth + 1;
  }
}

export class Writer {
  readonly root = new Scope(null);
  #current = this.root;
  readonly #named = new Map<string, number>();

  get scope(): Scope {
    return this.#current;
  }

  line(text: string): void {
    this.#current.lines.push(text);
  }

  /** Writes `head {`, what `body` writes, and `}`. */
  block(head: string, body: () => void): void {
    const outer = this.#current;
    const inner = new Scope(outer);
    this.#current = inner;
    try {
      body();
    } finally {
      this.#current = outer;
    }
    outer.lines.push(`${head} {`, ...inner.lines.map((line) => `  ${line}`), '}');
  }

  /** A name that begins with `stem` and is new: the stem itself, or with a number. WGSL's own names have no number after an underscore. */
  name(stem: string): string {
    const times = this.#named.get(stem) ?? 0;
    this.#named.set(stem, times + 1);
    return `${stem}_${times}`;
  }
}

/** `text` without the parentheses around the whole of it. */
export function bare(text: string): string {
  if (!text.startsWith('(') || !text.endsWith(')')) return text;
  let open = 0;
  for (let i = 0; i < text.length - 1; i++) {
    if (text[i] === '(') open++;
    else if (text[i] === ')') open--;
    if (open === 0) return text;
  }
  return text.slice(1, -1);
}
