/**
 * What the compiler tells those who ask. Owns the events of a planner and their text, by debug level; a planner without an observer knows nothing
 * of text, so that a bundle has the printers only where `debugText` is imported.
 */
import { type Program, printProgram } from '@torchlet/device';
import { type Node, printGraph } from '@torchlet/graph';
import { printSchedule } from './schedule/print.js';
import type { Schedule } from './schedule/schedule.js';

/** A step of a planner: a stage of a compilation, or what became of a plan. */
export type PlannerEvent =
  | { readonly kind: 'recorded' | 'simplified'; readonly name: string; readonly outputs: readonly Node[] }
  | { readonly kind: 'scheduled'; readonly name: string; readonly schedule: Pick<Schedule, 'groups'> }
  | { readonly kind: 'written' | 'hit' | 'compiled' | 'dropped'; readonly program: Program };

export type PlannerObserver = (event: PlannerEvent) => void;

export const debugLevels = {
  cache: 'one line whenever a plan is found, compiled or dropped',
  graph: 'the graph of every compilation, as recorded and as simplified',
  schedule: 'the kernels of every compilation: what each computes, reads and stores',
  kernels: 'every program, as text',
} as const satisfies Record<string, string>;

export type DebugLevel = keyof typeof debugLevels;

/** Takes debug text. The library reads no environment: whoever opens a planner decides. */
export interface DebugSink {
  readonly levels: ReadonlySet<DebugLevel> | readonly DebugLevel[];
  write(level: DebugLevel, text: string): void;
}

/**
 * An observer that writes events as text.
 *
 * @example new Planner(device, { observe: debugText({ levels: ['kernels'], write: (_, text) => console.log(text) }) })
 */
export function debugText(sink: DebugSink): PlannerObserver {
  const levels = new Set(sink.levels);
  return (event) => {
    const level = levelOf(event);
    if (levels.has(level)) sink.write(level, textOf(event));
  };
}

function levelOf({ kind }: PlannerEvent): DebugLevel {
  switch (kind) {
    case 'recorded':
    case 'simplified':
      return 'graph';
    case 'scheduled':
      return 'schedule';
    case 'written':
      return 'kernels';
    case 'hit':
    case 'compiled':
    case 'dropped':
      return 'cache';
    default: {
      const never: never = kind;
      return never;
    }
  }
}

function textOf(event: PlannerEvent): string {
  switch (event.kind) {
    case 'recorded':
    case 'simplified':
      return `${event.kind} ${event.name}\n${printGraph(event.outputs)}`;
    case 'scheduled':
      return `schedule ${event.name}\n${printSchedule(event.schedule)}`;
    case 'written':
      return printProgram(event.program);
    case 'compiled':
      return `compiled ${event.program.name}: ${event.program.kernels.length} kernels`;
    case 'hit':
    case 'dropped':
      return `${event.kind} ${event.program.name}`;
    default: {
      const never: never = event;
      return never;
    }
  }
}
