/** What a node's value depends on, beyond its list of inputs: for `attach` and `assign`. Owns nothing else. */
import type { Node } from '@torchlet/graph';

/** The inputs that a node's value depends on: `attach` has others for its gradient. */
export function valueInputs(node: Node): readonly Node[] {
  if (node.source !== null) return [];
  return node.op === 'attach' ? node.inputs.slice(0, 1) : node.inputs;
}

/** Whether nothing of the target is left. */
export function coversAll(assign: Node): boolean {
  const value = assign.inputs[1] as Node;
  return value.shape.every((length, axis) => length === assign.shape[axis] && assign.attrs[2 * axis + 1] === 1);
}
