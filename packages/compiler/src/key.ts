/**
 * The structural key: a graph as whole numbers, such that two graphs have equal numbers exactly when one plan serves both. Owns the walk and the
 * hash; `planner.ts` keeps plans by them. Runs at every step, so it allocates nothing per node: the integers, the stack, the leaves and the
 * scalars are kept from walk to walk.
 *
 * Nodes are written in order of first visit, each with all that decides its plan and followed by its inputs; a node that was written before is
 * written as its number alone. Without that, (n1 * n2) + n1 and (n1 * n2) + n2 would be one for n1 = x - y, n2 = y - x.
 */
import { dtypeCodes } from '@torchlet/device';
import { type CustomKernelSpec, freshMark, type Node, primitiveCodes } from '@torchlet/graph';

const leafCode = Object.keys(primitiveCodes).length;
const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer);

export class KeyWalk {
  /** The last key: the first `length` numbers. */
  words = new Int32Array(4096);
  length = 0;
  /** One node per source, by number. */
  readonly leaves: Node[] = [];
  readonly scalars: Node[] = [];
  readonly #stack: Node[] = [];
  /** Names of custom kernels, by number. */
  readonly #names = new Map<string, number>();

  /** Walks what `outputs` are computed from. Does not recurse. */
  walk(outputs: readonly Node[]): void {
    const mark = freshMark();
    const stack = this.#stack;
    this.leaves.length = 0;
    this.scalars.length = 0;
    this.words[0] = outputs.length;
    let at = 1;
    let count = 0;
    let top = 0;
    for (let i = outputs.length - 1; i >= 0; i--) stack[top++] = outputs[i] as Node;
    while (top > 0) {
      const node = stack[--top] as Node;
      if (node.mark === mark) {
        if (at + 1 > this.words.length) this.#grow(at + 1);
        this.words[at++] = -1 - node.number;
        continue;
      }
      node.mark = mark;
      node.number = count++;
      const { shape, attrs } = node;
      const room = at + shape.length + attrs.length + 12;
      if (room > this.words.length) this.#grow(room);
      const { words } = this;
      const isLeaf = node.source !== null;
      words[at++] = isLeaf ? leafCode : (primitiveCodes[node.op] as number);
      words[at++] = (dtypeCodes[node.dtype] << 8) | shape.length;
      for (let axis = 0; axis < shape.length; axis++) words[at++] = shape[axis] as number;
      if (isLeaf) {
        at = this.#writeLeaf(node, mark, at);
        continue;
      }
      if (attrs.length > 0) {
        words[at++] = attrs.length;
        for (let i = 0; i < attrs.length; i++) words[at++] = attrs[i] as number;
      }
      const { inputs, op } = node;
      if (inputs.length === 0 || op === 'pad' || op === 'custom') at = this.#writeRest(node, at);
      const walked = op === 'attach' ? 1 : inputs.length;
      words[at++] = walked;
      for (let i = walked - 1; i >= 0; i--) stack[top++] = inputs[i] as Node;
    }
    this.length = at;
  }

  /** Of the last key. A fifth of the time of the walk: a caller that expects a key compares it first. */
  hash(): number {
    return hashOf(this.words, this.length);
  }

  /** Lets go of the nodes of the last walk. */
  clear(): void {
    this.leaves.length = 0;
    this.scalars.length = 0;
    this.#stack.length = 0;
  }

  #writeLeaf(node: Node, mark: number, start: number): number {
    const source = node.source as NonNullable<Node['source']>;
    let at = start;
    this.words[at++] = source.kind === 'host' ? 0 : 1;
    if (source.mark !== mark) {
      source.mark = mark;
      source.number = this.leaves.length;
      this.leaves.push(node);
    }
    this.words[at++] = source.number;
    return at;
  }

  /** What some primitives have besides: a number, a name. A runtime scalar only says that it is there. */
  #writeRest(node: Node, start: number): number {
    let at = start;
    if (node.op === 'scalar') {
      this.scalars.push(node);
      return at;
    }
    if (node.op === 'custom') {
      const { name } = node.payload as CustomKernelSpec;
      let number = this.#names.get(name);
      if (number === undefined) {
        number = this.#names.size;
        this.#names.set(name, number);
      }
      this.words[at++] = number;
      return at;
    }
    if (node.op !== 'constant' && node.op !== 'pad') return at;
    if (typeof node.value === 'bigint') {
      this.words[at++] = 1;
      this.words[at++] = Number(BigInt.asIntN(32, node.value));
      this.words[at++] = Number(BigInt.asIntN(32, node.value >> 32n));
      return at;
    }
    double[0] = node.value;
    this.words[at++] = 0;
    this.words[at++] = doubleWords[0] as number;
    this.words[at++] = doubleWords[1] as number;
    return at;
  }

  #grow(needed: number): void {
    const larger = new Int32Array(Math.max(needed, 2 * this.words.length));
    larger.set(this.words);
    this.words = larger;
  }
}

function hashOf(words: Int32Array, length: number): number {
  let hash = length;
  for (let i = 0; i < length; i++) {
    hash = Math.imul(hash ^ (words[i] as number), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

/** Whether the first `length` words are those of `key`. */
export function sameKey(key: Int32Array, words: Int32Array, length: number): boolean {
  if (key.length !== length) return false;
  for (let i = 0; i < length; i++) if (key[i] !== words[i]) return false;
  return true;
}
