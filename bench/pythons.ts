/** Which Python can import a package. Owns the search alone; what is run in it is `children/pytorch.py` and `card/peers/`. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

export interface FoundPython {
  readonly command: string;
  /** Of the package. */
  readonly version: string;
}

/** The first python3 on the path that can import `packageName`: the very first may lack what the system's has. Null where none can. */
export function pythonWith(
  packageName: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): FoundPython | null {
  for (const command of pythons(env)) {
    const script = `import ${packageName}; print(${packageName}.__version__)`;
    const { status, stdout } = spawnSync(command, ['-c', script], { encoding: 'utf8' });
    if (status === 0) return { command, version: stdout.trim().split('\n').at(-1) ?? '' };
  }
  return null;
}

function pythons(env: Readonly<Record<string, string | undefined>>): string[] {
  return (env['PATH'] ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, process.platform === 'win32' ? 'python.exe' : 'python3'))
    .filter((file) => existsSync(file));
}
