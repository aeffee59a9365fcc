/** What the compiler tells those who ask: debug levels, one row each, and the sink that takes the lines. Owns no formatting of graphs or programs. */

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

/** Writes `text()` if `level` is asked for. */
export function debug(sink: DebugSink | null, level: DebugLevel, text: () => string): void {
  if (sink === null) return;
  const levels = new Set(sink.levels);
  if (levels.has(level)) sink.write(level, text());
}
