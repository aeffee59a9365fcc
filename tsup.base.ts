/**
 * How every package is built: an ESM file for every source file, so that bundlers leave out those that nothing imports (of one large file they
 * keep every value that a call makes), and a declaration file for every entry of its `exports`.
 * Not here: what a package exports (its package.json) and how types are checked (its tsconfig files).
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'tsup';

type Exports = Record<string, string | Record<string, string>>;

/** The build of the package in `folder`: its declarations are those of the source files that its `exports` name. */
export function libraryBuild(folder: string) {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { exports: Exports };
  const entry = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [] : [target['@torchlet/source'] ?? []].flat(),
  );
  return defineConfig({
    entry: ['src/**/*.ts'],
    bundle: false,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    // A package with entries for Node or browsers has the types of both while it is built; `typecheck` is where they part.
    tsconfig: existsSync(join(folder, 'tsconfig.platform.json')) ? 'tsconfig.platform.json' : 'tsconfig.json',
    // Declarations are made against the built dependencies, as a user will see them.
    dts: { entry, compilerOptions: { customConditions: [] } },
    sourcemap: true,
    clean: true,
  });
}
