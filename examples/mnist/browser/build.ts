/**
 * The page's build and its server. Owns how Vite is set up; the programs are `program.ts` and the tests.
 */

import { join } from 'node:path';
import { build, type InlineConfig, type PreviewServer, preview } from 'vite';
import { BundleReport, chunkGroups } from './bundle-report.js';
import { fullDataRoute } from './full-data-route.js';
import { sampleAsset } from './sample-asset.js';

/** Shared memory, which CPU threads need, is only for pages that say this. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const page: InlineConfig = {
  configFile: false,
  root: join(import.meta.dirname, 'page'),
  base: './',
  logLevel: 'warn',
};

export interface BuildOptions {
  readonly outDir: string;
  /** Export conditions by which packages are found, such as that of their sources; what they ship unless told. */
  readonly conditions?: readonly string[];
}

/** @throws Error if it needs what a browser has not. */
export async function buildPage({ outDir, conditions = [] }: BuildOptions): Promise<BundleReport> {
  const report = new BundleReport();
  const rolldownOptions = { output: { codeSplitting: { groups: chunkGroups } }, checks: { pluginTimings: false } };
  await build({
    ...page,
    resolve: { conditions: [...conditions, 'module', 'browser', 'production'] },
    plugins: [sampleAsset(), report.plugin()],
    worker: { format: 'es', plugins: () => [report.plugin()], rolldownOptions },
    build: { outDir, emptyOutDir: true, target: 'es2022', modulePreload: false, rolldownOptions },
  });
  return report;
}

export interface ServeOptions {
  readonly outDir: string;
  /** Any that is free unless told. */
  readonly port?: number;
  /** True: also for other machines, which get no WebGPU without https. */
  readonly host?: boolean;
}

/** Serves what was built. */
export async function servePage({ outDir, port = 0, host = false }: ServeOptions): Promise<PreviewServer> {
  return preview({
    ...page,
    plugins: [fullDataRoute()],
    build: { outDir },
    preview: { headers, port, strictPort: port !== 0, host: host ? true : 'localhost' },
  });
}

/** The page's address on this machine. */
export function addressOf(server: PreviewServer): string {
  const address = server.resolvedUrls?.local[0];
  if (address === undefined) {
    throw new Error('the page is not being served');
  }
  return address;
}
