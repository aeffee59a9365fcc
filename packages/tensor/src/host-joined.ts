/**
 * Many small values joined: a batch of a replay memory, an epoch's losses. Where the host knows all of them it puts them side by side before they are
 * handed to a program, which then has one input, and one plan whichever values were picked. Owns that shortcut of `cat` and `stack`; all else goes through
 * their nodes.
 */
import { dtypes, type HostArray } from '@torchlet/device';
import { leaf, marker, type Node, sizeOf } from '@torchlet/graph';
import { watching } from './runtime/capture.js';
import { Storage } from './runtime/storage.js';

/** Fewer are a program's business: it has few ways to be given them. */
const fewest = 8;
/** What is larger is copied by the device. */
const largestBytes = 256;

/**
 * The elements of all nodes one after the other, along a first dim of `length`; the rest of the shape is that of `rest`. Null where a program must do it.
 */
export function joinedOnHost(nodes: readonly Node[], length: number, rest: readonly number[]): Node | null {
  if (nodes.length < fewest || watching !== null) return null;
  const dtype = nodes[0]?.dtype ?? 'float32';
  const parts: HostArray[] = [];
  for (const node of nodes) {
    if (node.dtype !== dtype || node.requiresGrad || sizeOf(node.shape) * dtypes[dtype].bytes > largestBytes)
      return null;
    const part = knownElements(node);
    if (part === null) return null;
    parts.push(part);
  }
  const shape = [length, ...rest];
  const joined = dtypes[dtype].zeros(sizeOf(shape));
  let start = 0;
  for (const part of parts) {
    joined.set(part as never, start);
    start += part.length;
  }
  return marker('copy', leaf(new Storage('host', dtype, joined.length, joined), shape, dtype));
}

/** The elements of a value that exists, in row-major order, if they can be had at once. */
function knownElements(node: Node): HostArray | null {
  let from = node;
  while (from.source === null && from.op === 'reshape') from = from.inputs[0] as Node;
  const storage = from.source as Storage | null;
  if (storage === null || storage.fixed || storage.version !== from.version) return null;
  if (storage.data !== null) return storage.data;
  const { span, runtime } = storage;
  if (span === null || runtime === null) return null;
  return runtime.device.readNow?.(span, storage.dtype, storage.size) ?? null;
}
