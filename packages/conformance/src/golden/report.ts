/**
 * Results of golden cases as text and as data. Owns their form alone: a table per group, a table per operation, the failures, the last line, the JSON.
 */
import type { CaseResult, GroupResult, Status } from './run.js';

type Counts = Record<Status, number>;

const statuses: readonly Status[] = ['passed', 'failed', 'unsupported'];

function count(cases: readonly CaseResult[]): Counts {
  const counts: Counts = { passed: 0, failed: 0, unsupported: 0 };
  for (const { status } of cases) counts[status]++;
  return counts;
}

/** `N passed, N failed, N unsupported`. */
export function summary(groups: readonly GroupResult[]): string {
  const counts = count(groups.flatMap(({ cases }) => cases));
  return statuses.map((status) => `${counts[status]} ${status}`).join(', ');
}

/** One line per group. */
export function groupTable(groups: readonly GroupResult[]): string {
  return table(
    'group',
    groups.map(({ name, cases }) => [name, count(cases)]),
  );
}

/** One line per operation, in the order in which they first occur. */
export function operationTable(groups: readonly GroupResult[]): string {
  const byOp = new Map<string, CaseResult[]>();
  for (const result of groups.flatMap(({ cases }) => cases)) {
    const known = byOp.get(result.op);
    if (known === undefined) byOp.set(result.op, [result]);
    else known.push(result);
  }
  return table(
    'operation',
    [...byOp].map(([op, cases]) => [op, count(cases)]),
  );
}

/** One line per case that failed, with the reason. */
export function failureList(groups: readonly GroupResult[]): string {
  return groups
    .flatMap(({ cases }) => cases)
    .filter(({ status }) => status === 'failed')
    .map(({ id, reason = '' }) => `${id}: ${reason}`)
    .join('\n');
}

/** Why cases are unsupported: each reason, the most frequent first, and the cases it is for. */
export function unsupportedList(groups: readonly GroupResult[]): string {
  const reasons = new Map<string, string[]>();
  for (const { id, status, reason = '' } of groups.flatMap(({ cases }) => cases)) {
    if (status === 'unsupported') reasons.set(reason, [...(reasons.get(reason) ?? []), id]);
  }
  return [...reasons]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([reason, ids]) =>
      [`${String(ids.length).padStart(5)}  ${reason}`, ...ids.map((id) => `       ${id}`)].join('\n'),
    )
    .join('\n');
}

export interface JsonReport {
  readonly device: string;
  readonly groups: readonly {
    readonly name: string;
    readonly passed: number;
    readonly failed: number;
    readonly unsupported: number;
  }[];
  readonly cases: readonly Omit<CaseResult, 'op'>[];
}

export function jsonReport(device: string, groups: readonly GroupResult[]): JsonReport {
  return {
    device,
    groups: groups.map(({ name, cases }) => ({ name, ...count(cases) })),
    cases: groups.flatMap(({ cases }) => cases.map(({ op: _, ...rest }) => rest)),
  };
}

function table(title: string, rows: readonly (readonly [name: string, counts: Counts])[]): string {
  const width = Math.max(title.length, ...rows.map(([name]) => name.length));
  const line = (name: string, cells: readonly (string | number)[]): string =>
    `${name.padEnd(width)}  ${cells.map((cell, i) => String(cell).padStart((statuses[i] ?? '').length)).join('  ')}`;
  return [
    line(title, statuses),
    ...rows.map(([name, counts]) =>
      line(
        name,
        statuses.map((status) => counts[status]),
      ),
    ),
  ].join('\n');
}
