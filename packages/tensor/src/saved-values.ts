/**
 * Values that a derivative reads and that were changed in place before `backward()`. A recorded graph still has the old value, but PyTorch refuses,
 * since the change may be a mistake; so does Torchlet. Owns the note of what was changed, and the check.
 */
import { type Node, reachable } from '@torchlet/graph';

const overwritten = new WeakMap<Node, string>();
/** Loops that change nothing in place pay nothing for the check. */
let anyOverwritten = false;

/** `node`, which takes part in differentiation, stands for a tensor that `op` has now given another value. */
export function noteOverwritten(node: Node, op: string): void {
  overwritten.set(node, op);
  anyOverwritten = true;
}

/**
 * @param tapeLeaves the leaves that were found. @param root what was differentiated. @param gradients the nodes that were recorded for it.
 * @throws Error where a gradient reads a value that was changed in place.
 */
export function checkNotOverwritten(
  root: Node,
  tapeLeaves: readonly Node[],
  gradients: readonly (Node | null)[],
): void {
  if (!anyOverwritten && tapeLeaves.every((leaf) => leaf.owner !== null)) return;
  const roots = gradients.filter((gradient) => gradient !== null);
  for (const node of reachable(roots)) {
    if (node.serial <= root.serial) continue;
    for (const input of node.inputs) {
      const op = overwritten.get(input) ?? input.written?.op;
      if (op === undefined || input.owner !== null) continue;
      throw new Error(
        `backward: a value that the gradient of ${node.op} needs was changed in place by ${op}; use the out-of-place form, or clone() first`,
      );
    }
  }
}
