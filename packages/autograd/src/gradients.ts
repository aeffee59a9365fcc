/**
 * The reverse walk: from a graph to the graph of its gradients. The recorded graph is the tape, so there is none here. Owns which nodes are
 * walked, in which order, and how several gradients of one node are added; the formulas are in `derivatives.ts`.
 */
import { add, freshMark, fullLike, type Node, printShape, ShapeError, sameShape, withGradMode } from '@torchlet/graph';
import { type DifferentiablePrimitive, derivatives } from './derivatives.js';

export interface GradientOptions {
  /** The gradient of the root, of its shape and dtype; ones if not given. */
  readonly seed?: Node | undefined;
  /** Whether the gradients can be differentiated in their turn. */
  readonly createGraph?: boolean | undefined;
}

export interface Differentiated {
  /** One for each leaf asked for; null where the root does not depend on it. */
  readonly gradients: (Node | null)[];
  /** The nodes whose derivative was taken, users before inputs; the leaves asked for are there only if the walk went on through them. */
  readonly walked: Node[];
}

/**
 * The gradients of `root`, summed over its elements with the weights `seed`, for each of `leaves`. A leaf may be any node that
 * `requiresGrad`, also one within the graph. Evaluated nodes are walked like others as long as they have their inputs.
 *
 * @throws ShapeError if the seed is not of the root's shape and dtype.
 * @throws Error if the walk comes to a node whose inputs were cut.
 */
export function gradients(root: Node, leaves: readonly Node[], options: GradientOptions = {}): (Node | null)[] {
  return differentiate(root, leaves, options).gradients;
}

/** As `gradients`, and tells which nodes it walked. */
export function differentiate(root: Node, leaves: readonly Node[], options: GradientOptions = {}): Differentiated {
  const { seed } = options;
  if (seed !== undefined && !(sameShape(seed.shape, root.shape) && seed.dtype === root.dtype)) {
    throw new ShapeError(
      `gradients: expected a seed of ${root.dtype} ${printShape(root.shape)}, got ${seed.dtype} ${printShape(seed.shape)}`,
    );
  }
  return withGradMode(options.createGraph ?? false, () => reverse(tapeOf(root, leaves), seed));
}

/** The leaves of every gradient of `root`: what requires one and was not computed from what does, in order of recording. */
export function leavesOf(root: Node): Node[] {
  return recorded(root, freshMark()).filter(isLeaf);
}

/** A node with an owner is a leaf even while its value is a write in place that has inputs. */
function isLeaf(node: Node): boolean {
  return node.owner !== null || node.op === 'buffer';
}

/** What the walk reads: taken before the first rule runs, because a rule may walk graphs itself and then overwrites the nodes' scratch. */
interface Tape {
  /** Inputs before users; the root is the last. */
  readonly nodes: readonly Node[];
  /** Positions in `nodes` of the inputs of each node, -1 for those that no gradient is wanted for; null where that holds for all. */
  readonly sources: readonly (readonly number[] | null)[];
  /** Position of each leaf that was asked for, -1 where the root does not depend on it. */
  readonly leaves: readonly number[];
}

function tapeOf(root: Node, asked: readonly Node[]): Tape {
  const mark = freshMark();
  const nodes = recorded(root, mark);
  const wanted = new Uint8Array(nodes.length);
  for (let i = 0; i < nodes.length; i++) (nodes[i] as Node).number = i;
  const leaves = asked.map((leaf) => (leaf.mark === mark ? leaf.number : -1));
  for (const position of leaves) if (position >= 0) wanted[position] = 1;

  const sources = nodes.map((node, position) => {
    if (isLeaf(node)) return null;
    if (node.inputs.length === 0 && wanted[position] === 0) throw new Error(spent(node));
    let flows = false;
    const from = node.inputs.map((input) => {
      if (input.mark !== mark || wanted[input.number] === 0) return -1;
      flows = true;
      return input.number;
    });
    if (flows) wanted[position] = 1;
    return flows ? from : null;
  });
  return { nodes, sources, leaves };
}

function spent(node: Node): string {
  return (
    `backward: the graph behind ${node.op} ${printShape(node.shape)} was let go by an earlier backward(); ` +
    'pass { retainGraph: true } to the earlier one, or detach() what should not be differentiated again'
  );
}

/** The nodes that require a gradient and that `root` is computed from through such nodes, inputs before users. */
function recorded(root: Node, mark: number): Node[] {
  const found: Node[] = [];
  if (!root.requiresGrad) return found;
  root.mark = mark;
  const stack = [root];
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    found.push(node);
    if (isLeaf(node)) continue;
    for (let i = 0; i < node.inputs.length; i++) {
      const input = node.inputs[i] as Node;
      if (input.mark === mark || !input.requiresGrad) continue;
      input.mark = mark;
      stack.push(input);
    }
  }
  return found.sort((a, b) => a.serial - b.serial);
}

function reverse({ nodes, sources, leaves }: Tape, seed: Node | undefined): Differentiated {
  const grads = new Array<Node | null>(nodes.length).fill(null);
  const walked: Node[] = [];
  const root = nodes.length - 1;
  if (root >= 0) grads[root] = seed ?? fullLike(nodes[root] as Node, 1);
  for (let position = root; position >= 0; position--) {
    const from = sources[position] as readonly number[] | null;
    const grad = grads[position] as Node | null;
    if (from === null || grad === null) continue;
    const node = nodes[position] as Node;
    walked.push(node);
    const rule = derivatives[node.op as DifferentiablePrimitive];
    const parts = rule(
      node,
      grad,
      from.map((source) => source >= 0),
    );
    for (let i = 0; i < from.length; i++) {
      const source = from[i] as number;
      const part = parts[i] ?? null;
      if (source < 0 || part === null) continue;
      const sum = grads[source] as Node | null;
      grads[source] = sum === null ? part : add(sum, part);
    }
  }
  return { gradients: leaves.map((position) => (position < 0 ? null : (grads[position] as Node | null))), walked };
}
