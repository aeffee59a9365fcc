/**
 * Loads and stores of the elements that lanes stand for: whole vectors where they lie next to each other, shuffled ones where they lie two apart,
 * backwards or across rows, else lane by lane; with masks, memory outside is never touched. Owns the choice; the instructions per dtype are
 * `lane-memory.ts`, addresses `addresses.ts`.
 */
import type { DType, Expression, Load, Program } from '@torchlet/device';
import { type Pieces, slotParam } from '../kernel-function.js';
import { type FunctionBuilder, i32, i32x4, type Local, type Operand, shuffleLanes, type Value } from '../wasm/index.js';
import { addressOf, type Region } from './addresses.js';
import type { Emitter, LaneForm } from './emitter.js';
import { LaneMemory, storedWidth } from './lane-memory.js';
import { type Count, extract, splat, splatConstant } from './lanes.js';
import type { ElementStore } from './nest.js';
import { vectorFunction } from './vector-functions.js';

/** The elements of a slot, as addresses need them. */
export function regionOf({ f, site }: Emitter, slot: number): Region {
  return { base: f.param(slotParam(slot)), width: storedWidth(site.features, dtypeOf(site.program, slot)) };
}

/** Where the elements of the current block lie, and how they come from there. */
interface Access {
  readonly memory: LaneMemory;
  readonly region: Region;
  readonly form: LaneForm;
  /** Whether they lie next to each other. */
  readonly isLine: boolean;
}

function accessOf(emitter: Emitter, slot: number, index: Expression): Access {
  const { f, site } = emitter;
  const region = regionOf(emitter, slot);
  const form = emitter.laneForm(index);
  const dtype = dtypeOf(site.program, slot);
  const memory = new LaneMemory(f, dtype, storedWidth(site.features, dtype));
  return { memory, region, form, isLine: form.stride === 1 && form.laneAtoms.size === 0 };
}

/** Writes something for one lane, if that is to be done. */
type When = (lane: number, write: () => void) => void;

/** Runs `whole` where the mask holds in all lanes of a line, `lanes` where it holds in some. */
function masked(emitter: Emitter, mask: Expression, isLine: boolean, whole: () => void, lanes: (when: When) => void) {
  const { f } = emitter;
  if (!emitter.varies(mask)) return f.if(emitter.scalar(mask), () => emitter.inside(whole));
  const all = (1 << emitter.count) - 1;
  const holds = i32x4.bitmask(emitter.pieces(mask)[0] as Value);
  const bits = f.let('bits', emitter.count === 4 ? holds : i32.and(holds, all));
  const when: When = (lane, write) => f.if(i32.and(bits, 1 << lane), write);
  const some = () => f.if(bits, () => emitter.inside(() => lanes(when)));
  if (isLine) f.if(i32.eq(bits, all), () => emitter.inside(whole), some);
  else some();
}

const always: When = (_, write) => write();

/** Addresses of the lanes of the current block, one by one. */
function eachLane(
  emitter: Emitter,
  { region, form }: Access,
  when: When,
  take: (lane: number, pointer: Value, offset: number) => void,
): void {
  const { pointer, offset } = addressOf(emitter, region, form.address);
  const atoms = [...form.laneAtoms].map(([atom, coefficient]) => ({
    lanes: emitter.pieces(atom),
    bytes: coefficient * region.width,
  }));
  for (let lane = 0; lane < emitter.count; lane++) {
    let at = pointer;
    for (const { lanes, bytes } of atoms) {
      const index = extract('int32', lanes, lane);
      at = i32.add(at, bytes === 1 ? index : i32.mul(index, bytes));
    }
    const past = offset + lane * form.stride * region.width;
    if (past < 0) at = i32.add(at, past);
    const place = atoms.length > 0 ? emitter.f.let('at', at) : at;
    when(lane, () => take(lane, place, Math.max(past, 0)));
  }
}

export function loadElements(emitter: Emitter, load: Load): Pieces {
  const { f, site } = emitter;
  const { mask, dtype } = load;
  const access = accessOf(emitter, load.slot, load.index);
  if (mask === null) return loadAcross(emitter, load, access) ?? loadLanes(emitter, access);
  const otherwise = splatConstant(dtype, load.otherwise);
  const out = otherwise.map((piece) => f.let('masked', piece));
  const take = (pieces: Pieces) => {
    out.forEach((local, i) => {
      f.set(local, pieces[i] as Value);
    });
  };
  const whole = () => take(loadLanes(emitter, access));
  masked(emitter, mask, access.isLine, whole, (when) => {
    const gathered = gatherLanes(emitter, access, when);
    take(vectorFunction({ site, f, dtype, operand: dtype }, 'where', [emitter.pieces(mask), gathered, otherwise]));
  });
  return out;
}

function gatherLanes(emitter: Emitter, access: Access, when: When): Pieces {
  return access.memory.gather((setLane) => eachLane(emitter, access, when, setLane));
}

/** Lanes that stand still, or 1, 2 or -1 apart, by one instruction; others one by one. */
function loadLanes(emitter: Emitter, access: Access): Pieces {
  const { memory, region, form } = access;
  const { count } = emitter;
  const shuffles = count === 4 && memory.width === 4 && (form.stride === 2 || form.stride === -1);
  if (form.laneAtoms.size > 0 || !(form.stride === 0 || form.stride === 1 || shuffles))
    return gatherLanes(emitter, access, always);
  const { pointer, offset } = addressOf(emitter, region, form.address);
  switch (form.stride) {
    case 0:
      return memory.loadSplat(pointer, offset);
    case 1:
      return memory.load(pointer, offset, count);
    case 2:
      return memory.loadEverySecond(pointer, offset);
    default:
      return memory.loadBackwards(pointer, offset);
  }
}

/** Rows whose elements are the blocks, turned: the lanes of all blocks at once. Null where this load is not of that kind. */
function loadAcross(emitter: Emitter, load: Load, access: Access): Pieces | null {
  const { across, f, block: current, counts, scope } = emitter;
  const { form, memory } = access;
  if (across === null || memory.width !== 4 || form.laneAtoms.size > 0 || form.address.terms.get(across) !== 1)
    return null;
  if (form.stride === 0 || form.stride === 1) return null;
  emitter.block = 0;
  const rows: Local[] = [];
  eachLane(emitter, access, always, (_, pointer, offset) => {
    const [row] = memory.load(pointer, offset, counts.length as Count) as [Value];
    rows.push(f.let(`row${load.slot}`, row));
  });
  emitter.block = current;
  for (const [block, column] of turned(f, rows).slice(0, counts.length).entries())
    scope.learn('pieces', [f.let(`x${load.slot}`, column)], load, block);
  return scope.known('pieces', load, current) ?? null;
}

/** Writes the current block of `store`, or adds to what is there: lane by lane where places may meet. */
export function storeElements(emitter: Emitter, store: ElementStore): void {
  const { f, site } = emitter;
  const { mask, adds } = store;
  const { dtype } = store.value;
  const value = emitter.pieces(store.value);
  const access = accessOf(emitter, store.slot, store.index);
  const { memory, region, form, isLine } = access;
  const count = emitter.vector === null ? 1 : emitter.count;
  const put = (pointer: Operand, offset: number, pieces: Pieces, size: Count) => {
    if (!adds) return memory.store(pointer, offset, pieces, size);
    const args = [memory.load(pointer, offset, size), pieces].map((arg) => arg.map((piece) => f.held('added', piece)));
    memory.store(pointer, offset, vectorFunction({ site, f, dtype, operand: dtype }, 'add', args), size);
  };
  const lanes = (when: When) => {
    if (!adds) return memory.scatter(value, (storeLane) => eachLane(emitter, access, when, storeLane));
    eachLane(emitter, access, when, (lane, pointer, offset) =>
      put(pointer, offset, splat(f, dtype, extract(dtype, value, lane)), 1),
    );
  };
  const whole = () => {
    if (!isLine && (count > 1 || form.laneAtoms.size > 0)) return lanes(always);
    const { pointer, offset } = addressOf(emitter, region, form.address);
    put(pointer, offset, value, count);
  };
  if (mask === null) whole();
  else masked(emitter, mask, isLine, whole, lanes);
}

function dtypeOf({ name, slots }: Program, slot: number): DType {
  const declared = slots[slot];
  if (declared === undefined) throw new RangeError(`cpu: program ${name} has no slot ${slot}`);
  return declared.dtype;
}

/** Up to four rows as four columns. */
export function turned(f: FunctionBuilder, rows: readonly Local[]): Value[] {
  const row = (i: number) => rows[Math.min(i, rows.length - 1)] as Local;
  const pair = (a: Value, b: Value, high: boolean) => shuffleLanes(a, b, high ? [2, 6, 3, 7] : [0, 4, 1, 5]);
  return [false, true].flatMap((high) => {
    const [ab, cd] = [f.let('pair', pair(row(0), row(1), high)), f.let('pair', pair(row(2), row(3), high))];
    return [shuffleLanes(ab, cd, [0, 1, 4, 5]), shuffleLanes(ab, cd, [2, 3, 6, 7])];
  });
}
