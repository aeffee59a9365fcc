/** A schedule as text for people: one line per kernel. Owns spelling only. */
import type { Group } from './groups.js';
import type { Schedule } from './schedule.js';

/** Every kernel in the order in which they were scheduled: form, domain, what it computes, what it stores. */
export function printSchedule({ groups }: Pick<Schedule, 'groups'>): string {
  return groups.map(printGroup).join('\n');
}

function printGroup(group: Group): string {
  const axes = group.lengths.map((length, axis) => (group.inner[axis] === true ? `(${length})` : String(length)));
  const ops = group.members.map((member) => member.op);
  const stored = group.members.filter((member) => member.stored).map((member) => `%${member.id} ${member.op}`);
  return `#${group.index} ${group.kind} [${axes.join(', ')}] ${ops.join(' ')} -> ${stored.join(', ')}`;
}
