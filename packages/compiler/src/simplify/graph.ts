/**
 * The graph of one compilation: what the outputs are computed from, with rules applied and equal nodes made one. Owns the walk over the nodes
 * and the fate of assignments; the rules are rows in `rules.ts`. Nodes of the caller are read, never changed.
 */
import { type Node, sizeOf, withGradMode } from '@torchlet/graph';
import { closure } from '../closure.js';
import { coversAll, valueInputs } from './inputs.js';
import { Rewriter } from './rewrite.js';

/** One piece of a write in place: `value` at start + i * step along each axis. */
export interface Write {
  readonly value: Node;
  readonly starts: readonly number[];
  readonly steps: readonly number[];
}

export interface WantedOutput {
  readonly value: Node;
  /** The leaf that is written, and how, in order; null for an output with a buffer of its own. */
  readonly inPlace: { readonly target: Node; readonly writes: readonly Write[] } | null;
}

export interface SimplifiedGraph {
  /** Inputs before users, in recorded order. */
  readonly nodes: readonly Node[];
  readonly outputs: readonly WantedOutput[];
}

/**
 * Simplifies what `outputs` are computed from.
 *
 * @param scalarNumber the position of a runtime scalar; the scalars of the result have it for a value, so that copies of one stay one.
 */
export function simplify(outputs: readonly Node[], scalarNumber: (node: Node) => number): SimplifiedGraph {
  return withGradMode(false, () => {
    const rewriter = new Rewriter(scalarNumber);
    for (const node of walkInputs(outputs)) rewriter.add(node);
    const wanted = outputs.map((output) => wantedOutput(output, rewriter));
    const roots = wanted.flatMap(({ value, inPlace }) =>
      inPlace === null ? [value] : inPlace.writes.map((write) => write.value),
    );
    return { nodes: rewriter.ordered(walkInputs(roots)), outputs: wanted };
  });
}

/** All that `roots` are computed from, by serial. Does not recurse. */
function walkInputs(roots: readonly Node[]): Node[] {
  return [...closure(roots, valueInputs)].sort((a, b) => a.serial - b.serial);
}

function wantedOutput(output: Node, rewriter: Rewriter): WantedOutput {
  const chain: Node[] = [];
  let bottom = output;
  while (bottom.source === null && (bottom.op === 'assign' || isIdentity(bottom))) {
    if (bottom.op === 'assign') chain.push(bottom);
    bottom = bottom.inputs[0] as Node;
  }
  const value = rewriter.get(output);
  if (output.op !== 'assign' || bottom.source?.kind !== 'stored') return { value, inPlace: null };
  const target = rewriter.get(bottom);
  const writes: Write[] = [];
  for (const assign of chain.reverse()) {
    const write = writeOf(assign, rewriter);
    if (coversAll(assign)) writes.length = 0;
    const changes = !coversAll(assign) || write.value !== target;
    if (sizeOf(write.value.shape) > 0 && changes) writes.push(write);
  }
  return { value, inPlace: { target, writes } };
}

function isIdentity(node: Node): boolean {
  return node.op === 'detach' || node.op === 'attach' || node.op === 'contiguous';
}

function writeOf(assign: Node, rewriter: Rewriter): Write {
  const axes = assign.shape.map((_, axis) => axis);
  return {
    value: rewriter.get(assign.inputs[1] as Node),
    starts: axes.map((axis) => assign.attrs[2 * axis] as number),
    steps: axes.map((axis) => assign.attrs[2 * axis + 1] as number),
  };
}
