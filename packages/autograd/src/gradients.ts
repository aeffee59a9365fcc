/**
 * The reverse walk: from a graph to the graph of its gradients. Nothing is taped while recording: a `Tape` is a look at the graph. Owns which nodes are
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
 * @throws Error if the walk comes to a node that an earlier one let go.
 */
export function gradients(root: Node, leaves: readonly Node[], options: GradientOptions = {}): (Node | null)[] {
  return differentiate(root, leaves, options).gradients;
}

/** As `gradients`, and tells which nodes it walked. */
export function differentiate(root: Node, leaves: readonly Node[], options: GradientOptions = {}): Differentiated {
  return walk(tapeOf(root, leaves), options);
}

/** What gradients of `root` accumulate into, in order of recording: buffers that require one, and whatever a tensor owns. */
export function leavesOf(root: Node): readonly Node[] {
  return tapeOf(root).leaves;
}

function isLeaf(node: Node): boolean {
  return node.owner !== null || (node.inputs.length === 0 && node.walked !== 'freed');
}

/** A leaf that was written in place, which is refused while gradients are recorded: it is one again, and they stop there. */
function isWrittenLeaf(node: Node): boolean {
  if (node.op !== 'assign') return false;
  const before = node.inputs[0];
  return before?.requiresGrad === true && (before.inputs.length === 0 || isWrittenLeaf(before));
}

/**
 * What lies between a root and the leaves asked for. Taken before the first rule runs: a rule, or an evaluation meanwhile, may walk graphs
 * itself and then overwrites the nodes' scratch.
 */
export interface Tape {
  readonly root: Node;
  /** The nodes whose gradients are wanted. */
  readonly leaves: readonly Node[];
  /** Inputs before users; the root is the last. Empty if it does not require a gradient. */
  readonly nodes: readonly Node[];
  /** Positions in `nodes` of the inputs of each node, -1 for those that no gradient is wanted for; null where that holds for all. */
  readonly sources: readonly (readonly number[] | null)[];
  /** Position of each leaf, -1 where the root does not depend on it. */
  readonly positions: readonly number[];
}

/**
 * @param asked as `leaves` of `gradients`; all leaves below the root if not given.
 * @throws Error if the root was computed from a node that an earlier walk let go.
 */
export function tapeOf(root: Node, asked?: readonly Node[]): Tape {
  const mark = freshMark();
  const nodes = recorded(root, mark);
  const leaves = asked ?? nodes.filter(isLeaf);
  const wanted = new Uint8Array(nodes.length);
  for (let i = 0; i < nodes.length; i++) (nodes[i] as Node).number = i;
  const positions = leaves.map((leaf) => (leaf.mark === mark ? leaf.number : -1));
  for (const position of positions) if (position >= 0) wanted[position] = 1;

  const sources = nodes.map((node, position) => {
    let flows = false;
    const from = node.inputs.map((input) => {
      if (input.mark !== mark || wanted[input.number] === 0) return -1;
      flows = true;
      return input.number;
    });
    const ends = node.inputs.length === 0 && wanted[position] === 0;
    if (node.walked === 'freed' && (flows || ends)) throw new Error(spent(node));
    if (flows) wanted[position] = 1;
    return flows ? from : null;
  });
  return { root, leaves, nodes, sources, positions };
}

/**
 * The gradients of a tape's root for its leaves.
 *
 * @throws ShapeError if the seed is not of the root's shape and dtype.
 */
export function walk(tape: Tape, { seed, createGraph = false }: GradientOptions = {}): Differentiated {
  const { root } = tape;
  if (seed !== undefined && !(sameShape(seed.shape, root.shape) && seed.dtype === root.dtype)) {
    throw new ShapeError(
      `gradients: expected a seed of ${root.dtype} ${printShape(root.shape)}, got ${seed.dtype} ${printShape(seed.shape)}`,
    );
  }
  return withGradMode(createGraph, () => reverse(tape, seed));
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
    if (isWrittenLeaf(node)) continue;
    for (let i = 0; i < node.inputs.length; i++) {
      const input = node.inputs[i] as Node;
      if (input.mark === mark || !input.requiresGrad) continue;
      input.mark = mark;
      stack.push(input);
    }
  }
  return found.sort((a, b) => a.serial - b.serial);
}

/** Sees the gradient of a node when it is complete, and may give another in its place. */
export type GradientHook = (grad: Node) => Node | null;

/** By node, or by the owner of a leaf: leaves are new nodes after every write. */
const hooks = new WeakMap<object, Set<GradientHook>>();
/** Walks of those who have none pay nothing for them. */
let anyHooks = false;

/** Runs `hook` in every later walk over the node, or over leaves of the owner, that `key` is. Gives a function that takes it away again. */
export function addGradientHook(key: object, hook: GradientHook): () => void {
  const own = hooks.get(key) ?? new Set();
  hooks.set(key, own.add(hook));
  anyHooks = true;
  return () => own.delete(hook);
}

function hooked(node: Node, grad: Node): Node {
  const own = hooks.get(node) ?? (node.owner === null ? undefined : hooks.get(node.owner));
  let seen = grad;
  for (const hook of own ?? []) seen = hook(seen) ?? seen;
  if (sameShape(seen.shape, grad.shape) && seen.dtype === grad.dtype) return seen;
  throw new ShapeError(
    `registerHook: expected a gradient of ${grad.dtype} ${printShape(grad.shape)}, got ${seen.dtype} ${printShape(seen.shape)}`,
  );
}

function reverse({ nodes, sources, positions }: Tape, seed: Node | undefined): Differentiated {
  const grads = new Array<Node | null>(nodes.length).fill(null);
  const walked: Node[] = [];
  const root = nodes.length - 1;
  if (root >= 0) grads[root] = seed ?? fullLike(nodes[root] as Node, 1);
  for (let position = root; position >= 0; position--) {
    const from = sources[position] as readonly number[] | null;
    const sum = grads[position] as Node | null;
    if (sum === null) continue;
    const node = nodes[position] as Node;
    const grad = anyHooks ? hooked(node, sum) : sum;
    grads[position] = grad;
    if (from === null) continue;
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
      const before = grads[source] as Node | null;
      grads[source] = before === null ? part : add(before, part);
    }
  }
  return { gradients: positions.map((position) => (position < 0 ? null : (grads[position] as Node | null))), walked };
}
