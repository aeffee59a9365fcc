/**
 * A process of a run: started with a limit of time, ended with everything it started when that is over, its findings handed on as they come. Owns the process;
 * which ones there are is `parts.ts`.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type Emit, findingIn } from './lines.js';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** How long a process that was asked to end may take. */
const GRACE_MS = 3000;
/** Of what it said, so many lines tell why it failed. */
const KEPT_LINES = 12;

const running = new Set<number>();

/** Ends everything that still runs, for a run that is interrupted. */
export function endAll(): void {
  for (const group of running) signal(group, 'SIGKILL');
}

/** How a process ended that did not end well. */
export interface Failure {
  /** Null where a signal ended it, or it never began. */
  readonly code: number | null;
  readonly reason: string;
}

/** @returns null where it ended well. */
export function runChild({ command, args, env }: Command, seconds: number, emit: Emit): Promise<Failure | null> {
  return new Promise((resolve) => {
    // A group of its own: compilers that a peer starts end with it.
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const group = child.pid;
    if (group !== undefined) running.add(group);
    const said: string[] = [];
    let late = false;
    const hear = (text: string): void => {
      const finding = findingIn(text);
      if (finding === null) said.push(text);
      else emit(finding);
      said.splice(0, said.length - KEPT_LINES);
    };
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', hear);
    const timers = [
      setTimeout(() => {
        late = true;
        signal(group, 'SIGTERM');
      }, seconds * 1000),
      setTimeout(() => signal(group, 'SIGKILL'), seconds * 1000 + GRACE_MS),
    ];
    const end = (failure: Failure | null): void => {
      timers.forEach(clearTimeout);
      if (group !== undefined) running.delete(group);
      resolve(failure);
    };
    child.on('error', ({ message }) => end({ code: null, reason: message }));
    child.on('close', (code, killedBy) => {
      if (late) return end({ code: null, reason: `ended after ${seconds.toFixed(0)} s, before it was done` });
      if (code === 0) return end(null);
      const reason = reasonIn(said);
      end({ code, reason: killedBy === null ? reason : `ended by ${killedBy}: ${reason}` });
    });
  });
}

function signal(group: number | undefined, name: NodeJS.Signals): void {
  if (group === undefined) return;
  try {
    process.kill(-group, name);
  } catch (error) {
    // It has ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The last line that names an error, else the last that says something more than a bracket. */
function reasonIn(said: readonly string[]): string {
  const lines = said.filter((line) => /\w/.test(line));
  return (lines.findLast((line) => /^\S*Error\b.*:/.test(line)) ?? lines.at(-1) ?? 'it said nothing').trim();
}
