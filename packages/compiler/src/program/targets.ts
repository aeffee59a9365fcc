/**
 * Targets: where every stored value goes. Owns the places of outputs and intermediates, and the decision which writes in place happen in the
 * kernel that computes the value; a write that another kernel's read forbids there becomes a copy behind that read.
 */
import type { Expression } from '@torchlet/device';
import { loadsOf } from '../lower/draft.js';
import type { Item, Place } from '../schedule/item.js';
import type { Schedule, ScheduledOutput } from '../schedule/schedule.js';
import { UnitOrder } from './order.js';
import {
  copyGroup,
  type DraftKernel,
  orderStores,
  type Target,
  targetIndex,
  type Unit,
  unitOf,
  wholeTarget,
} from './units.js';

export interface Placement {
  /** In the order in which they run. */
  readonly units: readonly Unit[];
  readonly targets: ReadonlyMap<Item, readonly Target[]>;
  readonly places: readonly Place[];
  /** Places whose values lie in another's memory, once written there. */
  readonly sameAs: ReadonlyMap<number, Place>;
  /** The phase after which a write in place may happen. */
  readonly latest: ReadonlyMap<Item, number>;
}

/** Places the stores of a schedule and orders its kernels. */
export function placeStores(schedule: Schedule, buffersPerKernel: number): Placement {
  const places = [...schedule.places];
  const targets = new Map<Item, Target[]>();
  const makePlace = (item: Item, output: number): Place => {
    const place = { id: places.length, dtype: item.dtype, size: item.size, leaf: -1, host: false, output };
    places.push(place);
    return place;
  };
  const addTarget = (item: Item, target: Target) => {
    const known = targets.get(item);
    if (known === undefined) targets.set(item, [target]);
    else known.push(target);
  };
  schedule.outputs.forEach(({ value }, output) => {
    if (value === null) return;
    const place = makePlace(value, output);
    value.place ??= place;
    addTarget(value, wholeTarget(place, value.shape));
  });
  const direct = schedule.outputs.filter(mayBeDirect);
  const tentative = new Set(direct.map(({ inPlace }) => inPlace?.writes[0]?.value));
  for (const group of schedule.groups) {
    for (const item of group.members) {
      if (!item.stored || item.place !== null || (item.demanders === 0 && tentative.has(item))) continue;
      item.place = makePlace(item, -1);
      addTarget(item, wholeTarget(item.place, item.shape));
    }
  }
  const regions = new Map<ScheduledOutput, Target>();
  for (const output of direct) {
    const { value, target } = firstWrite(output);
    regions.set(output, target);
    addTarget(value, target);
  }
  const units: Unit[] = schedule.groups.map((group) => unitOf(group, targets, buffersPerKernel));
  const byGroup = new Map(units.map((unit) => [unit.group, unit]));
  const producers = new Map<number, Unit>();
  for (const group of schedule.groups) {
    for (const { stored, place } of group.members) {
      if (stored && place !== null) producers.set(place.id, byGroup.get(group) as Unit);
    }
  }
  const producer = (place: number) => producers.get(place);
  const order = new UnitOrder(units, producer);
  const sameAs = new Map<number, Place>();
  const latest = new Map<Item, number>();
  for (const output of schedule.outputs) {
    if (output.inPlace === null) continue;
    const region = regions.get(output);
    if (region !== undefined && writeDirectly(output, region)) continue;
    copyBehind(output, region);
  }
  return { units: order.sorted(units), targets, places, sameAs, latest };

  /** Lets the kernel that computes the value write it, where no other kernel reads the old value later. */
  function writeDirectly(output: ScheduledOutput, region: Target): boolean {
    const { value } = firstWrite(output);
    const unit = byGroup.get(value.group as NonNullable<Item['group']>) as Unit;
    const kernel = unit.kernels[0] as DraftKernel;
    const phase = lastRead(kernel, value, region);
    const stores = kernel.draft.stores.flatMap((store) =>
      (targets.get(store.item) ?? []).map((target) => ({ store, target })),
    );
    if (phase === null || orderStores(stores) === null || !order.waitFor(unit, order.readers(region.place.id)))
      return false;
    latest.set(value, Math.max(phase, latest.get(value) ?? -1));
    const whole = value.size === region.place.size;
    if (whole && value.place !== null && value.place.output < 0) {
      // Later kernels find the value where it was written.
      sameAs.set(value.place.id, region.place);
      targets.set(
        value,
        (targets.get(value) as Target[]).filter(({ place }) => place !== value.place),
      );
    }
    return true;
  }

  /** Writes an output from memory, after every read of the old value. */
  function copyBehind({ inPlace }: ScheduledOutput, region: Target | undefined): void {
    let previous: Unit | null = null;
    for (const write of inPlace?.writes ?? []) {
      const { value } = write;
      if (value.place === null) {
        value.place = makePlace(value, -1);
        producers.set(value.place.id, byGroup.get(value.group as NonNullable<Item['group']>) as Unit);
        addTarget(value, wholeTarget(value.place, value.shape));
      }
      targets.set(
        value,
        (targets.get(value) as Target[]).filter((target) => target !== region),
      );
      const copying = copyGroup(schedule.groups.length + units.length, [value]);
      const { target: place, shape } = inPlace as NonNullable<ScheduledOutput['inPlace']>;
      targets.set(copying.members[0] as Item, [{ ...write, place, shape }]);
      const unit = unitOf(copying, targets, buffersPerKernel);
      units.push(unit);
      order.add(unit, producer);
      const before: Unit[] = previous === null ? [] : [previous];
      order.waitFor(unit, [...order.readers(place.id), ...before]);
      previous = unit;
    }
  }
}

function mayBeDirect({ inPlace }: ScheduledOutput): boolean {
  if (inPlace === null || inPlace.writes.length !== 1) return false;
  const kind = inPlace.writes[0]?.value.group?.kind;
  return kind === 'loop' || kind === 'matmul';
}

function firstWrite({ inPlace }: ScheduledOutput): { readonly value: Item; readonly target: Target } {
  const { target: place, shape, writes } = inPlace as NonNullable<ScheduledOutput['inPlace']>;
  const [{ value, starts, steps }] = writes as [NonNullable<ScheduledOutput['inPlace']>['writes'][number]];
  return { value, target: { place, shape, starts, steps } };
}

/**
 * The last phase in which the kernel reads what it is to overwrite; -1 where it does not. Null where it reads another element than the one it
 * writes at that point, or reads it as an operand.
 */
function lastRead({ draft }: DraftKernel, value: Item, region: Target): number | null {
  const store = draft.stores.find(({ item }) => item === value);
  if (store === undefined) return null;
  const index: Expression = draft.builder.index(targetIndex(region, store.at, draft.builder));
  let last = -1;
  for (const { load, phase } of loadsOf(draft)) {
    if (load.slot !== region.place.id) continue;
    if (phase < 0 || load.index !== index) return null;
    last = Math.max(last, phase);
  }
  return last;
}
