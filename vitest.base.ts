/**
 * How every package is tested, in three modes: `test/` against the sources (the default), against what was built
 * (`--mode dist`), and the long tests alone (`--mode long`, files named `*.long.test.ts`).
 * Each run leaves its counts in `.torchlet/MODE.json`, where `scripts/test.mjs` adds them up.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { defineConfig, type Plugin } from 'vitest/config';

const packageEntry = /^\.\.\/(?:\.\.\/)*src\/(index(?:\.\w+)?)\.js$/;
const longTests = 'test/**/*.long.test.ts';

/** The test configuration of the package in `folder`. @param workers files that run at once; vitest's choice unless told. */
export function packageTests(folder: string, workers?: number) {
  return defineConfig(({ mode }) => {
    const conditions = mode === 'dist' ? [] : ['@torchlet/source'];
    return {
      root: folder,
      resolve: { conditions },
      ssr: { resolve: { conditions: [...conditions, 'module', 'node'] } },
      plugins: mode === 'dist' ? [entriesFromDist(folder)] : [],
      test: {
        ...filesOf(mode, folder),
        ...(workers === undefined ? {} : { maxWorkers: workers }),
        passWithNoTests: mode === 'long',
        testTimeout: mode === 'long' ? 600_000 : 60_000,
        reporters: ['default', 'json'],
        outputFile: { json: join(folder, '.torchlet', `${mode === 'dist' || mode === 'long' ? mode : 'source'}.json`) },
      },
    };
  });
}

function filesOf(mode: string, folder: string): { include: string[]; exclude?: string[] } {
  if (mode === 'long') return { include: [longTests] };
  if (mode === 'dist') return { include: testsOfThePublicApi(folder) };
  return { include: ['test/**/*.test.ts'], exclude: [longTests] };
}

/** In a test, the package's own entry means its built entry. */
function entriesFromDist(folder: string): Plugin {
  return {
    name: 'torchlet:entries-from-dist',
    enforce: 'pre',
    resolveId(source) {
      const entry = packageEntry.exec(source)?.[1];
      return entry === undefined ? undefined : join(folder, 'dist', `${entry}.js`);
    },
  };
}

/** Tests that reach past the package's entries know its insides, which `dist` does not show. */
function testsOfThePublicApi(folder: string): string[] {
  return readdirSync(join(folder, 'test'), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && file.name.endsWith('.test.ts') && !file.name.endsWith('.long.test.ts'))
    .map((file) => join(file.parentPath, file.name))
    .filter((file) => !reachesInside(file, new Set()))
    .map((file) => relative(folder, file));
}

function reachesInside(file: string, seen: Set<string>): boolean {
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const imports = readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...imports].some(([, path = '']) => {
    if (/(^|\/)src\//.test(path)) return !packageEntry.test(path);
    return reachesInside(join(file, '..', path.replace(/\.js$/, '.ts')), seen);
  });
}
