/** The lines of a run as one page of Markdown: what ran where, what holds, what things cost, every case beside its peers with ratios, what was left out. */
import { casesOf, type CardCase } from './cases.js';
import type { Check, Facts, Figure, Line, Skip, Tally, Timing } from './lines.js';

type Kept<Kind> = Kind & Pick<Line, 'part' | 'device' | 'measurement'>;

/** Said on a page whose times are none. */
export const rehearsal =
  '**A rehearsal.** These are tiny sizes on a stand-in or an emulated adapter: no time on this page is a measurement of a card, or of anything.';

export function tableOf(lines: readonly Line[]): string {
  const of = <Kind extends Line['kind']>(kind: Kind): Kept<Extract<Line, { kind: Kind }>>[] =>
    lines.filter((line): line is Kept<Extract<Line, { kind: Kind }>> => line.kind === kind);
  const title = lines.every(({ measurement }) => measurement) ? [] : [rehearsal];
  const sections = [
    ...title,
    factsSection(of('facts')),
    talliesSection(of('tally')),
    checksSection(of('check')),
    figuresSection(of('figure')),
    ...timingSections(of('timing')),
    skippedSection(of('skipped')),
  ];
  return `# ${titleOf(lines)}\n\n${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function titleOf(lines: readonly Line[]): string {
  const said = new Map(lines.flatMap((line) => (line.kind === 'facts' ? [...Object.entries(line.facts)] : [])));
  const devices = [...new Set(lines.map(({ device }) => device))].join(' and ');
  const [card, driver, date] = ['card', 'driver', 'date'].map((key) => said.get(key));
  const about = [card, driver === undefined ? undefined : `CUDA ${driver}`, `${date}`.slice(0, 10)];
  return `Torchlet on ${devices}: ${about.filter((part) => part !== undefined).join(', ')}`;
}

type Row = readonly string[];

function markdown(head: Row, rows: readonly Row[]): string {
  const escape = (cell: string): string => cell.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const line = (cells: Row): string => `| ${cells.map(escape).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A heading and a table; nothing where there are no rows. */
function section(heading: string, head: Row, rows: readonly Row[]): string {
  return rows.length === 0 ? '' : `## ${heading}\n\n${markdown(head, rows)}`;
}

function factsSection(facts: readonly Kept<Facts>[]): string {
  const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  const rows = facts.map(({ device, name, facts: said }) => [
    name === 'device' ? device : name,
    Object.entries(said)
      .map(([key, value]) => `${key}: ${shown(value)}`)
      .join('; '),
  ]);
  return section('Where', ['', 'says'], rows);
}

function checksSection(checks: readonly Kept<Check>[]): string {
  const rows = checks.map(({ device, part, name, ok, detail }) => [ok ? 'ok' : 'FAILED', device, part, name, detail]);
  return section('What must hold', ['', 'device', 'part', 'check', 'seen'], rows);
}

/** Processes that share a suite are added up; of the seconds the longest tells how long it took. */
function talliesSection(tallies: readonly Kept<Tally>[]): string {
  const names = [...new Set(tallies.map(({ device, name }) => `${device}: ${name}`))];
  const rows = names.map((key) => {
    const shares = tallies.filter(({ device, name }) => `${device}: ${name}` === key);
    const total = (what: 'passed' | 'failed' | 'unsupported' | 'unrun'): string =>
      `${shares.reduce((sum, tally) => sum + tally[what], 0)}`;
    const [first] = shares;
    const seconds = Math.max(...shares.map((tally) => tally.seconds)).toFixed(1);
    return [key, total('passed'), total('failed'), total('unsupported'), total('unrun'), `${first?.of ?? ''}`, seconds];
  });
  return section('Suites', ['', 'passed', 'failed', 'unsupported', 'out of time', 'of', 'seconds'], rows);
}

function figuresSection(figures: readonly Kept<Figure>[]): string {
  const rows = figures.map(({ device, name, value, unit }) => [device, name, `${significant(value)} ${unit}`]);
  return section('Costs', ['device', 'what', 'figure'], rows);
}

function skippedSection(skips: readonly Kept<Skip>[]): string {
  return section(
    'Left out',
    ['what', 'whose', 'why'],
    skips.map(({ name, who, reason }) => [name, who, reason]),
  );
}

/** Sides of a comparison that are Torchlet; the first that is there is compared with the others. */
const ours = 'torchlet';

function timingSections(timings: readonly Kept<Timing>[]): string[] {
  const scales = timings.every(({ measurement }) => measurement) ? 'full' : 'tiny';
  const known = new Map(casesOf(scales).map((measured) => [measured.name, measured]));
  // A peer on the card is compared with Torchlet on the card, one on WebGPU with Torchlet on WebGPU.
  const devices = [...new Set(timings.map(({ device }) => device))];
  return devices.map((device) =>
    comparison(
      device,
      timings.filter((timing) => timing.device === device),
      known,
    ),
  );
}

function comparison(device: string, timings: readonly Timing[], known: ReadonlyMap<string, CardCase>): string {
  const sides = [...new Set(timings.map(sideOf))].sort(
    (a, b) => Number(b.startsWith(ours)) - Number(a.startsWith(ours)),
  );
  const rowsOf = new Map<string, Map<string, Timing>>();
  for (const timing of timings) {
    const key = timing.reading === 'never' ? timing.case : `${timing.case}, loss read`;
    rowsOf.set(key, (rowsOf.get(key) ?? new Map<string, Timing>()).set(sideOf(timing), timing));
  }
  const copied = Math.max(...timings.flatMap((timing) => gigabytesPerSecond(timing, known, 'copy')));
  const rows = [...rowsOf].map(([name, bySide]) => {
    const own = bySide.get(sideOf({ peer: ours, mode: 'loop' })) ?? null;
    const compiled = bySide.get(sideOf({ peer: ours, mode: 'loop, compiled' })) ?? null;
    const peers = [...bySide.values()].filter(({ peer }) => peer !== ours);
    const eager = peers.find(({ mode }) => mode === 'eager') ?? null;
    const best = peers.reduce<Timing | null>(
      (fastest, peer) => (fastest !== null && fastest.ms <= peer.ms ? fastest : peer),
      null,
    );
    const [rate = null] = own === null ? [] : gigabytesPerSecond(own, known);
    return [
      name,
      ...sides.map((side) => cellOf(bySide.get(side), known)),
      own?.kernels === undefined ? '' : `${own.kernels}`,
      ratio(own, eager),
      ratio(own, best),
      ratio(compiled, best),
      best === null ? '' : sideOf(best),
      rate === null || !Number.isFinite(copied) ? '' : `${((100 * rate) / copied).toFixed(0)} %`,
    ];
  });
  const head = [
    'case',
    ...sides,
    'kernels',
    'torchlet / eager',
    'torchlet / best',
    'compiled / best',
    'the best',
    'of copy speed',
  ];
  return section(
    `Median times on ${device}; a ratio under 1 says that Torchlet took less`,
    ...withoutEmpty(head, rows),
  );
}

function withoutEmpty(head: Row, rows: readonly Row[]): [head: Row, rows: readonly Row[]] {
  const kept = head.map((_, column) => rows.some((row) => row[column] !== ''));
  const keep = (row: Row): Row => row.filter((_, column) => kept[column]);
  return [keep(head), rows.map(keep)];
}

function sideOf({ peer, mode }: Pick<Timing, 'peer' | 'mode'>): string {
  return `${peer}, ${mode}`;
}

function cellOf(timing: Timing | undefined, known: ReadonlyMap<string, CardCase>): string {
  if (timing === undefined) return '';
  const measured = known.get(timing.case);
  const time = `${significant(timing.ms)} ms`;
  if (measured === undefined) return time;
  if (measured.kind === 'rows') return `${time}, ${significant(measured.gigabytes / timing.ms)} TB/s`;
  return `${time}, ${significant(measured.gigaflops / timing.ms)} TFLOP/s`;
}

/** What a row case moved in a second; nothing for other cases. @param op of this operation alone. */
function gigabytesPerSecond({ case: name, ms }: Timing, known: ReadonlyMap<string, CardCase>, op?: string): number[] {
  const measured = known.get(name);
  if (measured?.kind !== 'rows' || (op !== undefined && measured.op !== op)) return [];
  return [(measured.gigabytes / ms) * 1000];
}

const ratio = (own: Timing | null, peer: Timing | null): string =>
  own === null || peer === null ? '' : (own.ms / peer.ms).toFixed(2);

function significant(value: number): string {
  if (Math.abs(value) >= 1000) return value.toFixed(0);
  return `${Number(value.toPrecision(3))}`;
}
