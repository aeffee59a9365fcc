/**
 * Loads and stores of the elements that lanes stand for: whole vectors where they lie next to each other, shuffled ones where they lie two apart,
 * backwards or across rows, else lane by lane; with masks, memory outside is never touched. Owns the choice; the instructions per dtype are
 * `lanes.ts`, addresses `addresses.ts`.
 */
import type { DType, Expression, Load } from '@torchlet/device';
import { type Pieces, slotParam } from '../kernel-function.js';
import { type FunctionBuilder, i32, i32x4, type Local, type Operand, shuffleLanes, type Value } from '../wasm/index.js';
import type { Region } from './addresses.js';
import type { Emitter, LaneForm } from './emitter.js';
import { LaneMemory, storedWidth } from './lane-memory.js';
import { type Count, extract, splat, splatConstant } from './lanes.js';
import type { ElementStore } from './nest.js';
import { vectorFunction } from './vector-functions.js';

function isContiguous(form: LaneForm): boolean {
  return form.stride === 1 && form.laneAtoms.size === 0;
}

export class Elements {
  readonly #emitter: Emitter;

  constructor(emitter: Emitter) {
    this.#emitter = emitter;
  }

  /** The elements of a slot, as addresses need them. */
  region(slot: number): Region {
    const { f, site } = this.#emitter;
    return { base: f.param(slotParam(slot)), width: storedWidth(site.features, this.#dtype(slot)) };
  }

  memory(slot: number): LaneMemory {
    const { f, site } = this.#emitter;
    const dtype = this.#dtype(slot);
    return new LaneMemory(f, dtype, storedWidth(site.features, dtype));
  }

  load(load: Load): Pieces {
    const { f } = this.#emitter;
    const { mask } = load;
    if (mask === null) return this.#loadAcross(load) ?? this.#loadUnmasked(load);
    const otherwise = splatConstant(load.dtype, load.otherwise);
    const out = otherwise.map((piece) => f.let('masked', piece));
    const take = (pieces: Pieces) => {
      pieces.forEach((piece, i) => {
        f.set(out[i] as Local, piece);
      });
    };
    const whole = () => this.#emitter.inside(() => take(this.#loadUnmasked(load)));
    if (!this.#emitter.varies(mask)) {
      f.if(this.#emitter.scalar(mask), whole);
      return out;
    }
    const lanesOfMask = this.#emitter.pieces(mask);
    const bits = this.laneBits(mask);
    const form = this.#emitter.laneForm(load.index);
    const someLanes = () =>
      this.#emitter.inside(() => take(this.#loadSomeLanes(load, form, bits, lanesOfMask, otherwise)));
    if (isContiguous(form)) f.if(i32.eq(bits, this.#allBits()), whole, () => f.if(bits, someLanes));
    else f.if(bits, someLanes);
    return out;
  }

  /** Writes the current block of `store`, or adds to what is there. */
  store(store: ElementStore): void {
    const emitter = this.#emitter;
    const { f } = emitter;
    const value = emitter.pieces(store.value);
    const form = emitter.laneForm(store.index);
    const { mask } = store;
    const whole = () => emitter.inside(() => this.#storeUnmasked(store, form, value));
    if (mask === null) return this.#storeUnmasked(store, form, value);
    if (!emitter.varies(mask)) return f.if(emitter.scalar(mask), whole);
    const bits = this.laneBits(mask);
    const lanes = () =>
      emitter.inside(() =>
        this.#storeLanes(store, form, value, (lane, write) => f.if(i32.and(bits, 1 << lane), write)),
      );
    if (isContiguous(form)) f.if(i32.eq(bits, this.#allBits()), whole, lanes);
    else lanes();
  }

  /** Addresses of the lanes of the current block, one by one. */
  eachLane(region: Region, form: LaneForm, take: (lane: number, pointer: Value, offset: number) => void): void {
    const emitter = this.#emitter;
    const { pointer, offset } = emitter.addresses.address(region, form.address);
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
      take(lane, atoms.length > 0 ? emitter.f.let('at', at) : at, Math.max(past, 0));
    }
  }

  /** Bit l of the result says whether the mask holds in lane l. */
  laneBits(mask: Expression): Local {
    const [lanes] = this.#emitter.pieces(mask) as [Value];
    const bits = i32x4.bitmask(lanes);
    return this.#emitter.f.let('bits', this.#emitter.count === 4 ? bits : i32.and(bits, this.#allBits()));
  }

  #allBits(): number {
    return (1 << this.#emitter.count) - 1;
  }

  #dtype(slot: number): DType {
    const { program } = this.#emitter.site;
    const declared = program.slots[slot];
    if (declared === undefined) throw new RangeError(`cpu: program ${program.name} has no slot ${slot}`);
    return declared.dtype;
  }

  #loadSomeLanes(load: Load, form: LaneForm, bits: Local, mask: Pieces, otherwise: Pieces): Pieces {
    const { f, site } = this.#emitter;
    const gathered = this.memory(load.slot).gather((setLane) =>
      this.eachLane(this.region(load.slot), form, (lane, pointer, offset) => {
        f.if(i32.and(bits, 1 << lane), () => setLane(lane, pointer, offset));
      }),
    );
    const at = { site, f, dtype: load.dtype, operand: load.dtype };
    return vectorFunction(at, 'where', [mask, gathered, otherwise]);
  }

  #loadUnmasked(load: Load): Pieces {
    const memory = this.memory(load.slot);
    const region = this.region(load.slot);
    const form = this.#emitter.laneForm(load.index);
    const whole = form.laneAtoms.size === 0 && this.#loadLine(memory, region, form);
    return whole || memory.gather((setLane) => this.eachLane(region, form, setLane));
  }

  /** Lanes that stand still, or 1, 2 or -1 apart. */
  #loadLine(memory: LaneMemory, region: Region, form: LaneForm): Pieces | null {
    const { count, addresses } = this.#emitter;
    const isVector = count === 4 && memory.width === 4;
    if (form.stride !== 0 && form.stride !== 1 && !(isVector && (form.stride === 2 || form.stride === -1))) return null;
    const { pointer, offset } = addresses.address(region, form.address);
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
  #loadAcross(load: Load): Pieces | null {
    const emitter = this.#emitter;
    const { across, f } = emitter;
    const form = emitter.laneForm(load.index);
    const memory = this.memory(load.slot);
    if (across === null || memory.width !== 4 || form.laneAtoms.size > 0 || form.address.terms.get(across) !== 1)
      return null;
    if (form.stride === 0 || form.stride === 1) return null;
    const current = emitter.block;
    emitter.block = 0;
    const rows: Local[] = [];
    this.eachLane(this.region(load.slot), form, (_, pointer, offset) => {
      const [row] = memory.load(pointer, offset, emitter.counts.length as 1 | 2 | 3 | 4) as [Value];
      rows.push(f.let(`row${load.slot}`, row));
    });
    emitter.block = current;
    turned(f, rows)
      .slice(0, emitter.counts.length)
      .forEach((column, block) => {
        emitter.scope.setPieces(load, block, [f.let(`x${load.slot}`, column)]);
      });
    return emitter.scope.pieces(load, current) ?? null;
  }

  #storeUnmasked(store: ElementStore, form: LaneForm, value: Pieces): void {
    const emitter = this.#emitter;
    const count = emitter.vector === null ? 1 : emitter.count;
    if (!isContiguous(form) && (count > 1 || form.laneAtoms.size > 0))
      return this.#storeLanes(store, form, value, (_, write) => write());
    const { pointer, offset } = emitter.addresses.address(this.region(store.slot), form.address);
    this.#put(store, pointer, offset, value, count);
  }

  /** Lane by lane: places of an addition may meet. */
  #storeLanes(
    store: ElementStore,
    form: LaneForm,
    value: Pieces,
    when: (lane: number, write: () => void) => void,
  ): void {
    const { f } = this.#emitter;
    const { dtype } = store.value;
    const each = (write: (lane: number, pointer: Operand, offset: number) => void) =>
      this.eachLane(this.region(store.slot), form, (lane, pointer, offset) =>
        when(lane, () => write(lane, pointer, offset)),
      );
    if (!store.adds) return this.memory(store.slot).scatter(value, each);
    each((lane, pointer, offset) => this.#put(store, pointer, offset, splat(f, dtype, extract(dtype, value, lane)), 1));
  }

  #put(
    { slot, adds, value: { dtype } }: ElementStore,
    pointer: Operand,
    offset: number,
    value: Pieces,
    count: Count,
  ): void {
    const { f, site } = this.#emitter;
    const memory = this.memory(slot);
    const held = (pieces: Pieces) => pieces.map((piece) => f.held('added', piece));
    const sum = () =>
      vectorFunction({ site, f, dtype, operand: dtype }, 'add', [
        held(memory.load(pointer, offset, count)),
        held(value),
      ]);
    memory.store(pointer, offset, adds ? sum() : value, count);
  }
}

/** Up to four rows as four columns. */
function turned(f: FunctionBuilder, rows: readonly Local[]): Value[] {
  const row = (i: number) => rows[Math.min(i, rows.length - 1)] as Local;
  const pair = (a: Value, b: Value, high: boolean) => shuffleLanes(a, b, high ? [2, 6, 3, 7] : [0, 4, 1, 5]);
  return [false, true].flatMap((high) => {
    const [ab, cd] = [f.let('pair', pair(row(0), row(1), high)), f.let('pair', pair(row(2), row(3), high))];
    return [shuffleLanes(ab, cd, [0, 1, 4, 5]), shuffleLanes(ab, cd, [2, 3, 6, 7])];
  });
}
