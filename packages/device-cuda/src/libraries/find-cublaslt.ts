/**
 * Where cuBLASLt may lie: what TORCHLET_CUBLASLT names; else a toolkit that the environment names, what the loader finds, toolkits in /usr/local, conda, and
 * NVIDIA's Python packages, which PyTorch and JAX bring. Owns the order; what the process has loaded already comes before all of it, and that, versions and
 * opening are the addon's (`native/src/cublaslt.cc`).
 */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

export const cublasLtVariable = 'TORCHLET_CUBLASLT';

/** Newest first. */
const names = ['libcublasLt.so.13', 'libcublasLt.so.12'];
const wheelFolders = ['nvidia/cu13/lib', 'nvidia/cublas/lib'];

export interface Candidates {
  readonly files: readonly string[];
  /** Whether the one file was asked for by name. */
  readonly named: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The libraries to try, in order: names that the loader searches for, and files that are there. */
export function cublasLtCandidates(environment: Environment): Candidates {
  const named = environment[cublasLtVariable];
  if (named !== undefined && named !== '') return { files: [named], named: true };
  const given = (variable: string): string[] => {
    const value = environment[variable];
    return value === undefined || value === '' ? [] : [value];
  };
  const toolkits = [...given('CUDA_HOME'), ...given('CUDA_PATH')].flatMap((folder) =>
    ['lib64', 'lib', 'targets/x86_64-linux/lib'].map((part) => join(folder, part)),
  );
  const local = entries('/usr/local', /^cuda(-[\d.]+)?$/)
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join('/usr/local', name, 'lib64'));
  const conda = given('CONDA_PREFIX').map((folder) => join(folder, 'lib'));
  const prefixes = [...given('VIRTUAL_ENV'), ...given('CONDA_PREFIX'), ...pythonPrefix(environment)];
  const homes = given('HOME').map((folder) => join(folder, '.local'));
  const packages = [...prefixes, ...homes, '/usr/local', '/usr'].flatMap(pythonPackages);
  const wheels = packages.flatMap((folder) => wheelFolders.map((part) => join(folder, part)));
  const files = [...inFolders(toolkits), ...names, ...inFolders([...local, ...conda, ...wheels])];
  return { files: [...new Set(files)], named: false };
}

function inFolders(folders: readonly string[]): string[] {
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).filter((file) => existsSync(file));
}

/** Where the `python3` of PATH belongs: a virtual environment that is not activated is found by it. */
function pythonPrefix({ PATH = '' }: Environment): string[] {
  const python = PATH.split(delimiter)
    .map((folder) => join(folder, 'python3'))
    .find((file) => existsSync(file));
  if (python === undefined) return [];
  return [dirname(dirname(python)), dirname(dirname(realpathSync(python)))];
}

function pythonPackages(prefix: string): string[] {
  const lib = join(prefix, 'lib');
  return entries(lib, /^python3(\.\d+)?$/).flatMap((python) =>
    ['site-packages', 'dist-packages'].map((folder) => join(lib, python, folder)),
  );
}

function entries(folder: string, pattern: RegExp): string[] {
  try {
    return readdirSync(folder).filter((name) => pattern.test(name));
  } catch {
    return [];
  }
}
