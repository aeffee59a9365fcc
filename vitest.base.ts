/**
 * How every package is tested: `test/` runs against the sources, or with TORCHLET_TEST_DIST=1 against what was built.
 * Each run leaves its counts in `.torchlet/`, where `scripts/test.mjs` adds them up.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { defineConfig } from 'vitest/config';

const againstDist = process.env['TORCHLET_TEST_DIST'] === '1';
const packageEntry = /^\.\.\/(?:\.\.\/)*src\/(index(?:\.\w+)?)\.js$/;

/** The test configuration of the package in `folder`. */
export function packageTests(folder: string) {
  return defineConfig({
    root: folder,
    resolve: { conditions: againstDist ? [] : ['@torchlet/source'] },
    ssr: { resolve: { conditions: againstDist ? ['module', 'node'] : ['@torchlet/source', 'module', 'node'] } },
    plugins: againstDist ? [entriesFromDist(folder)] : [],
    test: {
      include: againstDist ? testsOfThePublicApi(folder) : ['test/**/*.test.ts'],
      passWithNoTests: true,
      testTimeout: 30_000,
      reporters: ['dot', 'json'],
      outputFile: { json: join(folder, '.torchlet', againstDist ? 'dist.json' : 'source.json') },
    },
  });
}

/** In a test, the package's own entry means its built entry. */
function entriesFromDist(folder: string) {
  return {
    name: 'torchlet:entries-from-dist',
    enforce: 'pre' as const,
    resolveId(source: string) {
      const entry = packageEntry.exec(source)?.[1];
      return entry === undefined ? undefined : join(folder, 'dist', `${entry}.js`);
    },
  };
}

/** Tests that reach past the package's entries know its insides, which `dist` does not show. */
function testsOfThePublicApi(folder: string): string[] {
  const files = readdirSync(join(folder, 'test'), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && file.name.endsWith('.ts'))
    .map((file) => join(file.parentPath, file.name));
  return files
    .filter((file) => file.endsWith('.test.ts') && !reachesInside(file, new Set()))
    .map((file) => relative(folder, file));
}

function reachesInside(file: string, seen: Set<string>): boolean {
  if (seen.has(file)) return false;
  seen.add(file);
  const imports = [...readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1] ?? '');
  return imports.some((path) => {
    if (/(^|\/)src\//.test(path)) return !packageEntry.test(path);
    return reachesInside(join(file, '..', path.replace(/\.js$/, '.ts')), seen);
  });
}
