/**
 * Where a library of NVIDIA's may lie: what its variable names; else a toolkit that the environment names, what the loader finds, toolkits in /usr/local, conda, and
 * NVIDIA's Python packages, which PyTorch and JAX bring. Owns the order; what the process has loaded already comes before all of it, and that, versions and
 * opening are the addon's (`native/src/open-library.cc`).
 */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { LibraryName } from './claimed.js';

interface Place {
  /** Names the file, where it is not to be searched for. */
  readonly variable: string;
  /** Newest first. */
  readonly names: readonly string[];
  /** In Python's packages. */
  readonly wheelFolders: readonly string[];
}

export const libraryPlaces: Readonly<Record<LibraryName, Place>> = {
  cuBLASLt: {
    variable: 'TORCHLET_CUBLASLT',
    names: ['libcublasLt.so.13', 'libcublasLt.so.12'],
    wheelFolders: ['nvidia/cu13/lib', 'nvidia/cublas/lib'],
  },
  cuDNN: {
    variable: 'TORCHLET_CUDNN',
    names: ['libcudnn.so.9', 'libcudnn.so.8'],
    wheelFolders: ['nvidia/cudnn/lib'],
  },
};

export interface Candidates {
  readonly files: readonly string[];
  /** Whether the one file was asked for by name. */
  readonly named: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The libraries to try, in order: names that the loader searches for, and files that are there. */
export function libraryCandidates(library: LibraryName, environment: Environment): Candidates {
  const { variable, names, wheelFolders } = libraryPlaces[library];
  const named = environment[variable];
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
  const inFolders = (folders: readonly string[]) =>
    folders.flatMap((folder) => names.map((name) => join(folder, name))).filter((file) => existsSync(file));
  const files = [...inFolders(toolkits), ...names, ...inFolders([...local, ...conda, ...wheels])];
  return { files: [...new Set(files)], named: false };
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
