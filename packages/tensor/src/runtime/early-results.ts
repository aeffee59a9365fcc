/**
 * Results of a root that are needed before their graph's `backward()`: handed on by `detach()`, or read. They are stored together with what their
 * derivatives will read, so that the backward pass computes nothing of the forward pass again. Owns which values those are, and how long they stay.
 */
import { differentiate, leavesOf } from '@torchlet/autograd';
import { type Node, primitives, reachable } from '@torchlet/graph';
import type { DeviceMemory } from './memory.js';
import type { RootRecord } from './pending.js';
import { renew } from './root-results.js';
import type { Storage } from './storage.js';

/** What computing again costs next to nothing: it is part of whatever kernel reads it. */
const light: ReadonlySet<string> = new Set(['source', 'movement', 'unary', 'binary', 'ternary', 'marker']);

/** The values behind `result` that its derivatives read, but for those that follow from the others element by element. */
export function valuesForBackward(result: Node): Node[] {
  const kept = new Set<Node>([result]);
  for (const node of readByDerivatives(result)) if (!follows(node, kept)) kept.add(node);
  kept.delete(result);
  return [...kept];
}

function readByDerivatives(result: Node): Node[] {
  const gradients = gradientsOf(result).filter((gradient) => gradient !== null);
  const derivatives = reachable(gradients).filter(({ serial }) => serial > result.serial);
  const read = new Set(derivatives.flatMap(({ inputs }) => inputs.filter(({ serial }) => serial < result.serial)));
  return [...read].sort((a, b) => a.serial - b.serial);
}

/** None where part of the graph was let go: `backward()` will say so, a read need not. */
function gradientsOf(result: Node): readonly (Node | null)[] {
  try {
    return differentiate(result, leavesOf(result)).gradients;
  } catch {
    return [];
  }
}

/** Whether `node` is stored, or computed from what is stored by light operations alone. */
function follows(node: Node, kept: ReadonlySet<Node>): boolean {
  const seen = new Set<Node>();
  const stack = [node];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (seen.has(next) || next.source !== null || kept.has(next)) continue;
    seen.add(next);
    if (!light.has(primitives[next.op].class)) return false;
    // Of an `attach` only the first is its value.
    stack.push(...(next.op === 'attach' ? next.inputs.slice(0, 1) : next.inputs));
  }
  return true;
}

/** A result that was needed early, and the root that gave it. */
export interface EarlyRecord {
  readonly root: RootRecord;
  readonly result: Node;
}

interface Group {
  readonly root: RootRecord;
  readonly result: WeakRef<Node>;
  readonly storages: Storage[];
}

/** Stored values of graphs that await their `backward()`: no later result takes their memory before that. */
export class EarlyResults {
  #groups: Group[] = [];

  add({ root, result }: EarlyRecord, storage: Storage): void {
    const group = this.#groups.find((known) => known.result.deref() === result);
    if (group !== undefined) group.storages.push(storage);
    else this.#groups.push({ root, result: new WeakRef(result), storages: [storage] });
  }

  /** Graphs that were walked need their values no more: from now on they are results of their root like others. Call after the program that reads them. */
  release(renewed: Set<RootRecord>, memory: DeviceMemory): void {
    this.#groups = this.#groups.filter(({ root, result, storages }) => {
      const node = result.deref();
      if (node?.walked === 'no') return true;
      if (node !== undefined) for (const storage of storages) renew(root, storage, renewed, memory);
      return false;
    });
  }
}
