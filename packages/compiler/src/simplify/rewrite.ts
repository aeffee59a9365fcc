/**
 * Applies the rewrite rules: every node of a graph in recorded order, each rebuilt on its simplified inputs until no rule fits, equal nodes made
 * one. Owns the bookkeeping; what is rewritten are the rows of `rules.ts`.
 */
import { type CustomKernelSpec, Node, type Source, sameShape } from '@torchlet/graph';
import { valueInputs } from './inputs.js';
import { rulesOf } from './rules.js';

export class Rewriter {
  /** What each node of the caller has become. */
  readonly #became = new Map<Node, Node>();
  /** Every finished node, with the serial of the node that it was made for. */
  readonly #order = new Map<Node, number>();
  readonly #numbers = new Map<Node, number>();
  readonly #equal = new Map<string, Node>();
  readonly #leaves = new Map<Source, Node[]>();

  readonly #scalarNumber: (node: Node) => number;

  constructor(scalarNumber: (node: Node) => number) {
    this.#scalarNumber = scalarNumber;
  }

  /** Simplifies `node`, whose inputs were added before. */
  add(node: Node): void {
    this.#became.set(node, node.source === null ? this.#simplified(node) : this.#leaf(node, node.source));
  }

  get(node: Node): Node {
    return this.#became.get(node) as Node;
  }

  /** `nodes` in recorded order: what was made for a node stands where the node stood. */
  ordered(nodes: readonly Node[]): Node[] {
    const order = (node: Node) => this.#order.get(node) as number;
    return [...nodes].sort((a, b) => order(a) - order(b) || a.serial - b.serial);
  }

  #simplified(node: Node): Node {
    if (node.op === 'scalar') {
      const numbered = new Node('scalar', node.dtype, node.shape, undefined, undefined, this.#scalarNumber(node));
      return this.#normal(numbered, node.serial);
    }
    const inputs = valueInputs(node).map((input) => this.get(input));
    return this.#normal(withInputs(node, inputs), node.serial);
  }

  /** One node for all leaves that read a source as the same shape. */
  #leaf(node: Node, source: Source): Node {
    const known = this.#leaves.get(source) ?? [];
    const same = known.find((leaf) => leaf.dtype === node.dtype && sameShape(leaf.shape, node.shape));
    if (same !== undefined) return same;
    this.#leaves.set(source, [...known, node]);
    this.#finish(node, node.serial);
    return node;
  }

  #normal(node: Node, order: number): Node {
    let current = node;
    for (let changed = true; changed; ) {
      changed = false;
      for (const rule of rulesOf(current)) {
        const replaced = rule.replacement(current);
        if (replaced === null) continue;
        if (this.#order.has(replaced)) return replaced;
        current = withInputs(
          replaced,
          replaced.inputs.map((input) => this.#adopt(input, order)),
        );
        changed = true;
        break;
      }
    }
    const key = this.#key(current);
    const equal = key === null ? undefined : this.#equal.get(key);
    if (equal !== undefined) return equal;
    if (key !== null) this.#equal.set(key, current);
    this.#finish(current, order);
    return current;
  }

  /** A node that a rule made, simplified. Rules make few nodes at once, so this does not go deep. */
  #adopt(node: Node, order: number): Node {
    if (this.#order.has(node)) return node;
    const inputs = node.inputs.map((input) => this.#adopt(input, order));
    return this.#normal(withInputs(node, inputs), order);
  }

  #finish(node: Node, order: number): void {
    if (this.#order.has(node)) return;
    this.#order.set(node, order);
    this.#numbers.set(node, this.#numbers.size);
  }

  /** Equal keys: equal values. Null where a node is itself whatever it looks like. */
  #key(node: Node): string | null {
    if (node.op === 'buffer') return null;
    const value = Object.is(node.value, -0) ? '-0' : `${node.value}${typeof node.value}`;
    const name = node.op === 'custom' ? (node.payload as CustomKernelSpec).name : '';
    const inputs = node.inputs.map((input) => this.#numbers.get(input)).join(',');
    return `${node.op}|${node.dtype}|${node.shape.join(',')}|${node.attrs.join(',')}|${value}|${name}|${inputs}`;
  }
}

function withInputs(node: Node, inputs: readonly Node[]): Node {
  if (inputs.length === node.inputs.length && inputs.every((input, i) => input === node.inputs[i])) return node;
  return new Node(node.op, node.dtype, node.shape, inputs, node.attrs, node.value, node.payload);
}
