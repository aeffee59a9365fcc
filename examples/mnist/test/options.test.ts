/**
 * The command line: what it gives, and what it refuses with which exit code.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseOptions, usageExitCode } from '../options.js';

let written = '';

beforeEach(() => {
  written = '';
  const keep = (text: unknown) => {
    written += String(text);
    return true;
  };
  vi.spyOn(process.stderr, 'write').mockImplementation(keep);
  vi.spyOn(process.stdout, 'write').mockImplementation(keep);
});

afterEach(() => vi.restoreAllMocks());

function exitCodeOf(args: readonly string[]): number | undefined {
  try {
    parseOptions(args);
  } catch (error) {
    return usageExitCode(error);
  }
  return undefined;
}

describe('parseOptions', () => {
  it('has the tutorial as its defaults', () => {
    expect(parseOptions([])).toEqual({
      dataset: 'mnist',
      epochs: [5, 5],
      lr: [0.5, 0.1],
      hidden: [32],
      batchSize: 100,
      seed: 0,
    });
  });

  it('reads every option', () => {
    const line =
      '--device cpu --data full --dataset fashion-mnist --epochs 1,0 --lr 0.3,1e-2 --hidden 512,256 --batch-size 64 --seed 7 --threads 2 --json out.json';
    expect(parseOptions(line.split(' '))).toEqual({
      device: 'cpu',
      data: 'full',
      dataset: 'fashion-mnist',
      epochs: [1, 0],
      lr: [0.3, 0.01],
      hidden: [512, 256],
      batchSize: 64,
      seed: 7,
      threads: 2,
      json: 'out.json',
    });
  });

  it.each([
    ['--device tpu', /Allowed choices are cpu, webgpu, cuda/],
    ['--data half', /Allowed choices are full, sample/],
    ['--dataset cifar', /Allowed choices are mnist, fashion-mnist/],
    ['--dataset fashion-mnist --data sample', /no sample of fashion-mnist/],
    ['--epochs 5', /Expected 2 numbers separated by commas/],
    ['--epochs 1,2,3', /Expected 2 numbers/],
    ['--epochs 1,-1', /Expected a whole number, got "-1"/],
    ['--epochs 1,x', /Expected a whole number, got "x"/],
    ['--epochs 1,', /Expected a whole number, got ""/],
    ['--lr 0.5,0', /Expected a positive number, got "0"/],
    ['--lr 0.5,Infinity', /Expected a positive number/],
    ['--hidden 0', /at least 1, got "0"/],
    ['--hidden 1,2,3', /Expected 1 to 2 numbers/],
    ['--batch-size 1.5', /at least 1, got "1.5"/],
    ['--seed -1', /Expected a whole number, got "-1"/],
    ['--threads 0', /at least 1/],
    ['--json', /argument missing/],
    ['--fast', /unknown option '--fast'/],
    ['fast', /too many arguments/],
  ])('refuses %s as a usage error', (line, reason) => {
    expect(exitCodeOf(line.split(' '))).toBe(2);
    expect(written).toMatch(reason);
  });

  it('prints its help and is content', () => {
    expect(exitCodeOf(['--help'])).toBe(0);
    expect(written).toMatch(/Usage: npm run mnist --[\s\S]*--batch-size <n>/);
  });

  it('leaves other errors alone', () => {
    expect(usageExitCode(new Error('disk full'))).toBeUndefined();
  });
});
