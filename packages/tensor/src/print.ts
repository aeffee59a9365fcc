/**
 * Values as PyTorch prints them (https://pytorch.org/docs/stable/generated/torch.set_printoptions.html, its defaults). Loaded when a value is first
 * printed, which waits for the device anyway; so it imports nothing that would be split off with it. The line of a tensor that is not read is
 * `describe.ts`.
 */
import type { DType, dtypes } from '@torchlet/device';
import type { Shape } from '@torchlet/graph';
import type { Describable } from './describe.js';

const threshold = 1000;
const edge = 3;
const precision = 4;
const lineWidth = 80;

type Kind = (typeof dtypes)[DType]['kind'];

/** As `print(tensor)` in PyTorch. */
export function printValues(tensor: Describable, kind: Kind, elementAt: (i: number) => number | bigint): string {
  const { shape, dtype } = tensor;
  const size = shape.reduce((product, length) => product * length, 1);
  const suffix = [
    ...(isDefault(dtype) ? [] : [`dtype=${dtype}`]),
    ...(tensor.requiresGrad ? ['requiresGrad=true'] : []),
    ...(size === 0 && shape.length !== 1 ? [`size=[${shape.join(', ')}]`] : []),
  ];
  const tail = suffix.map((text) => `, ${text}`).join('');
  if (size === 0) return `tensor([]${tail})`;
  const summarized = size > threshold;
  const shown = shownPositions(shape, summarized);
  const format = formatter(kind, shown.map(elementAt));
  const body = block(shape, 0, 0, summarized, (i) => format(elementAt(i)), 'tensor('.length);
  return `tensor(${body}${tail})`;
}

function isDefault(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'int64' || dtype === 'bool';
}

function shownAlong(length: number, summarized: boolean): number[] {
  const all = Array.from({ length }, (_, i) => i);
  return summarized && length > 2 * edge ? [...all.slice(0, edge), ...all.slice(-edge)] : all;
}

function shownPositions(shape: Shape, summarized: boolean): number[] {
  let positions = [0];
  for (const length of shape) {
    positions = positions.flatMap((at) => shownAlong(length, summarized).map((i) => at * length + i));
  }
  return positions;
}

function block(
  shape: Shape,
  axis: number,
  at: number,
  summarized: boolean,
  cell: (i: number) => string,
  indent: number,
): string {
  if (axis === shape.length) return cell(at);
  const length = shape[axis] as number;
  const cut = summarized && length > 2 * edge;
  const parts = shownAlong(length, summarized).map((i) =>
    block(shape, axis + 1, at * length + i, summarized, cell, indent + 1),
  );
  if (cut) parts.splice(edge, 0, axis === shape.length - 1 ? ' ...' : '...');
  if (axis === shape.length - 1) return `[${wrap(parts, indent + 1)}]`;
  const gap = `,${'\n'.repeat(shape.length - 1 - axis)}${' '.repeat(indent + 1)}`;
  return `[${parts.join(gap)}]`;
}

function wrap(cells: readonly string[], indent: number): string {
  const width = (cells[0]?.length ?? 0) + 2;
  const perLine = Math.max(1, Math.floor((lineWidth - indent) / width));
  const lines: string[] = [];
  for (let i = 0; i < cells.length; i += perLine) lines.push(cells.slice(i, i + perLine).join(', '));
  return lines.join(`,\n${' '.repeat(indent)}`);
}

/** One format for all cells, so that columns line up. */
function formatter(kind: Kind, values: readonly (number | bigint)[]): (value: number | bigint) => string {
  const write = writer(kind, values);
  const width = Math.max(...values.map((value) => write(value).length));
  return (value) => write(value).padStart(width);
}

function writer(kind: Kind, values: readonly (number | bigint)[]): (value: number | bigint) => string {
  if (kind === 'bool') return (value) => (value ? 'True' : 'False');
  if (kind === 'int') return String;
  const finite = values
    .map(Number)
    .filter((value) => Number.isFinite(value) && value !== 0)
    .map(Math.abs);
  const largest = Math.max(0, ...finite);
  const smallest = Math.min(Number.POSITIVE_INFINITY, ...finite);
  const whole = finite.every((value) => Number.isInteger(value));
  const scientific = finite.length > 0 && (largest / smallest > 1000 || largest > 1e8 || (!whole && smallest < 1e-4));
  return (value) => {
    const number = Number(value);
    if (Number.isNaN(number)) return 'nan';
    if (!Number.isFinite(number)) return number > 0 ? 'inf' : '-inf';
    if (scientific) return exponential(number);
    if (whole) return `${Object.is(number, -0) ? '-0' : number}.`;
    return number.toFixed(precision);
  };
}

function exponential(value: number): string {
  const [mantissa = '0', exponent = '+0'] = value.toExponential(precision).split('e');
  const digits = exponent.slice(1).padStart(2, '0');
  return `${mantissa}e${exponent[0]}${digits}`;
}
