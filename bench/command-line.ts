/** What the command lines of bench and soak share: numbers, paths, and the exit codes of errors. */
import path from 'node:path';
import { NoChromiumError } from '../scripts/browser/no-chromium.js';
import { NoSuchDevice } from '../scripts/devices.js';

/** The command line itself is wrong; the message says what was expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError unless `value` is a whole number from 1 on. */
export function count(option: string, value: string): number {
  const parsed = Number(value);
  if (!Number.isInteger(parsed) || parsed < 1) {
    throw new UsageError(`--${option}: expected a whole number from 1 on, got ${value}`);
  }
  return parsed;
}

/** Relative paths mean the folder where npm was called. */
export function fromCaller(file: string): string {
  return path.resolve(process.env['INIT_CWD'] ?? process.cwd(), file);
}

const NO_SUCH_DEVICE = 3;

/** Runs a command and sets the exit code of the process: its own, 2 with the usage, or 3 where there is no such device or no Chromium. */
export async function runCommand(usage: string, command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command();
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof NoSuchDevice || error instanceof NoChromiumError) {
      console.error(message);
      process.exitCode = NO_SUCH_DEVICE;
      return;
    }
    const isUsage =
      error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true;
    if (!isUsage) throw error;
    console.error(`${message}\n${usage}`);
    process.exitCode = 2;
  }
}
