/** Where libraries are sought, in which order. That what is found will do is asked when it is opened: `cublaslt.test.ts`, `cudnn.test.ts`. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Candidates, libraryCandidates } from '../src/libraries/find-library.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cublaslt-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '');
  return file;
}

const cublasLtCandidates = (environment: Readonly<Record<string, string>>): Candidates =>
  libraryCandidates('cuBLASLt', environment);

/** Those below the test's own folder, and names for the loader. */
const ours = (environment: Readonly<Record<string, string>>): string[] =>
  cublasLtCandidates(environment).files.filter((file) => file.startsWith(root) || !file.includes('/'));

const names = ['libcublasLt.so.13', 'libcublasLt.so.12'];

it('a file that is named, and nothing else', () => {
  const named = { TORCHLET_CUBLASLT: '/somewhere/libcublasLt.so.12', CUDA_HOME: root };
  expect(cublasLtCandidates(named)).toEqual({ files: ['/somewhere/libcublasLt.so.12'], named: true });
});

it('what the loader finds, the newer first', () => {
  expect(ours({})).toEqual(names);
  expect(cublasLtCandidates({}).named).toBe(false);
});

it('a toolkit before that; conda, a virtual environment and what python3 belongs to after it', () => {
  const toolkit = put('toolkit/lib64/libcublasLt.so.12');
  const other = put('other/targets/x86_64-linux/lib/libcublasLt.so.13');
  const conda = put('conda/lib/libcublasLt.so.12');
  const wheels = [
    put('venv/lib/python3.11/site-packages/nvidia/cu13/lib/libcublasLt.so.13'),
    put('venv/lib/python3.11/site-packages/nvidia/cublas/lib/libcublasLt.so.12'),
  ];
  const beside = put('python/lib/python3.12/site-packages/nvidia/cublas/lib/libcublasLt.so.12');
  const atHome = put('home/.local/lib/python3.12/site-packages/nvidia/cublas/lib/libcublasLt.so.12');
  put('python/bin/python3');
  mkdirSync(join(root, 'bin'));
  symlinkSync(join(root, 'python/bin/python3'), join(root, 'bin/python3'));
  const environment = {
    CUDA_HOME: join(root, 'toolkit'),
    CUDA_PATH: join(root, 'other'),
    CONDA_PREFIX: join(root, 'conda'),
    VIRTUAL_ENV: join(root, 'venv'),
    HOME: join(root, 'home'),
    PATH: `/nowhere:${join(root, 'bin')}`,
  };
  expect(ours(environment)).toEqual([toolkit, other, ...names, conda, ...wheels, beside, atHome]);
});

it('nothing where a toolkit has none', () => {
  put('toolkit/lib64/libcublas.so.12');
  expect(ours({ CUDA_HOME: join(root, 'toolkit'), VIRTUAL_ENV: join(root, 'venv') })).toEqual(names);
});

it('cuDNN in folders of its own, by names of its own', () => {
  put('toolkit/lib64/libcublasLt.so.12');
  const old = put('toolkit/lib64/libcudnn.so.8');
  const wheel = put('venv/lib/python3.11/site-packages/nvidia/cudnn/lib/libcudnn.so.9');
  const environment = { CUDA_HOME: join(root, 'toolkit'), VIRTUAL_ENV: join(root, 'venv') };
  const { files } = libraryCandidates('cuDNN', environment);
  expect(files.filter((file) => file.startsWith(root) || !file.includes('/'))).toEqual([
    old,
    'libcudnn.so.9',
    'libcudnn.so.8',
    wheel,
  ]);
  const named = { ...environment, TORCHLET_CUDNN: '/somewhere/libcudnn.so.9', TORCHLET_CUBLASLT: '/elsewhere' };
  expect(libraryCandidates('cuDNN', named)).toEqual({ files: ['/somewhere/libcudnn.so.9'], named: true });
});
