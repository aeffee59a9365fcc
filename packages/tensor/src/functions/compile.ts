/**
 * `compile`: a function that is recorded once and then runs again without being recorded. Owns when it may; what it did is watched by `runtime/capture.ts` and
 * done again by `runtime/replay.ts`.
 */
import { getFloat32MatmulPrecision, isGradEnabled, leaf, type Node, upcomingSerial } from '@torchlet/graph';
import { autocastDType } from '../ops/autocasting.js';
import { Capture, watched, watching } from '../runtime/capture.js';
import { evaluatePending, isInsideForward } from '../runtime/clock.js';
import { openDefault, openRuntimes } from '../runtime/devices.js';
import { Replay } from '../runtime/replay.js';
import type { Storage } from '../runtime/storage.js';
import { scoped } from '../scoped.js';
import { Tensor } from '../tensor.js';

/** Kinds of arguments that are remembered; the one that was used least recently goes first. */
const mostKinds = 8;
/** Recordings in a row of which no two are the same: after so many the function is no longer watched. */
const patience = 16;

/** What a function returns: one tensor, a list of them, or nothing. */
type Form = 'one' | 'list' | 'none';

/** What is known of one kind of arguments. */
interface Entry {
  form: Form;
  last: Capture | null;
  replay: Replay | null;
  unlike: number;
}

/**
 * Records what `fn` does and from then on does it without calling it (jax.jit, torch.compile): for loops in which recording takes longer than computing. All it
 * computes is evaluated when it returns, and what it returns is detached: call `backward()` and `step()` inside.
 *
 * Tensors that change from call to call are its arguments. Parameters, statistics and optimiser state are used and updated where they lie. It is recorded anew
 * for arguments of other shapes or dtypes, for other options of an optimiser that steps in it, for modules in another mode or with other fields, for parameters
 * that were moved or frozen, within other scopes. It is recorded at every call, as if it were not compiled, while two calls in a row did different things:
 * random numbers, a schedule that steps in it, gradients left behind.
 *
 * What else JavaScript does in `fn` happens only while it is recorded: it must not read numbers that change or count its calls. Other modules put into a
 * `Sequential` or a `ModuleList` afterwards are not noticed: compile again.
 *
 * @param fn synchronous, of tensors, to a tensor, a list of them, or nothing. @throws TypeError where it is called with something else, or gives a promise.
 * @example
 * const step = compile((images: Tensor, labels: Tensor) => {
 *   const loss = crossEntropy(model.forward(images), labels);
 *   loss.backward();
 *   optimizer.step();
 *   optimizer.zeroGrad();
 *   return loss;
 * });
 * for await (const [images, labels] of loader) losses.push(step(images, labels));
 */
export function compile<Inputs extends readonly Tensor[], Result extends Tensor | readonly Tensor[] | undefined>(
  fn: (...inputs: Inputs) => Result,
): (...inputs: Inputs) => Result {
  const entries = new Map<string, Entry>();
  return (...inputs) => {
    // Part of something larger, which is watched or kept as a whole.
    if (watching !== null || isInsideForward()) return fn(...inputs);
    const given = inputs.map(storageOf);
    const entry = entryFor(entries, inputs);
    evaluatePending();
    const isQuiet = [...openRuntimes()].every(({ pending }) => pending.isEmpty);
    const tensors =
      isQuiet && entry.replay?.holds(given) ? replayed(entry.replay, given) : recorded(fn, inputs, given, entry);
    return (entry.form === 'none' ? undefined : entry.form === 'one' ? tensors[0] : tensors) as Result;
  };
}

function replayed(replay: Replay, given: readonly Storage[]): Tensor[] {
  return replay.run(given).map((node) => new Tensor(node, replay.capture.runtime));
}

/** Calls `fn` under watch. */
function recorded<Inputs extends readonly Tensor[]>(
  fn: (...inputs: Inputs) => unknown,
  inputs: Inputs,
  given: readonly Storage[],
  entry: Entry,
): Tensor[] {
  const capture = new Capture(upcomingSerial(), given);
  if (entry.unlike > patience) capture.refuse('no two calls did the same');
  if (inputs.some(({ requiresGrad }) => requiresGrad)) capture.refuse('an argument requires a gradient');
  capture.depends(entry, () => [openDefault()]);
  const tensors = watched(capture, () => {
    const result = scoped('compile', () => fn(...inputs));
    entry.form = result === undefined ? 'none' : result instanceof Tensor ? 'one' : 'list';
    const list = tensorsOf(result);
    for (const tensor of list) tensor.evaluateNow();
    evaluatePending();
    return list;
  });
  const nodes = tensors.map(({ node }) => node);
  capture.finish(nodes);
  const again = capture.refusal === null && entry.last?.equals(capture) === true;
  entry.last = capture.refusal === null ? capture : null;
  entry.unlike = again ? 0 : entry.unlike + 1;
  entry.replay = again && capture.runtime !== null ? new Replay(capture, capture.runtime, nodes) : null;
  return tensors.map((tensor) => new Tensor(detached(tensor.node), tensor.runtime));
}

function tensorsOf(result: unknown): readonly Tensor[] {
  const list = result === undefined ? [] : Array.isArray(result) ? result : [result];
  const other = list.find((item) => !(item instanceof Tensor));
  if (other !== undefined) throw new TypeError(`compile: expected the function to return tensors, got ${typeof other}`);
  return list as readonly Tensor[];
}

/** The value as a leaf, kept as long as somebody holds it. */
function detached({ source, shape, dtype, version }: Node): Node {
  (source as Storage).kept = true;
  return leaf(source as Storage, shape, dtype, version);
}

/** The storage of an argument, which is evaluated if need be. */
function storageOf(input: Tensor): Storage {
  if (!(input instanceof Tensor))
    throw new TypeError(`compile: expected tensors as arguments, got ${typeof input}; use tensor(value)`);
  input.evaluateNow();
  return input.node.source as Storage;
}

function entryFor(entries: Map<string, Entry>, inputs: readonly Tensor[]): Entry {
  const modes = `${isGradEnabled()} ${autocastDType()} ${getFloat32MatmulPrecision()}`;
  const kinds = inputs.map(({ node }) => `${node.dtype}[${node.shape}]${node.source?.kind}${node.requiresGrad}`);
  const key = [modes, ...kinds].join(' ');
  const entry = entries.get(key) ?? { form: 'none', last: null, replay: null, unlike: 0 };
  // Last in the order of the map, which is that of use.
  entries.delete(key);
  entries.set(key, entry);
  const [oldest] = entries.keys();
  if (entries.size > mostKinds && oldest !== undefined) entries.delete(oldest);
  return entry;
}
