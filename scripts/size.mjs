/**
 * `npm run size`: what a browser downloads for typical imports, bundled by esbuild, minified and gzipped, against a
 * budget each. What is imported only when someone asks for it (other threads) is not counted. A bundle that needs a Node
 * module fails, whatever its size.
 */
import { gzipSync } from 'node:zlib';
import { pathToFileURL } from 'node:url';
import { setupOrEnd } from './setup.mjs';
import { root } from './toolchain.mjs';

/** The example as a browser loads it: its `train.ts` and the device that it falls back to. */
const mnist = `export * from './examples/mnist/train.ts'; export { cpu } from '@torchlet/device-cpu';`;

/** The same on a graphics card, with what the page takes of data and train: its weights as files, and no plots. */
const mnistPage = `export * from './examples/mnist/train.ts'; export { webgpu } from '@torchlet/device-webgpu';
export { fromSafetensors, toSafetensors } from '@torchlet/train';`;

/**
 * The budgets: a name, what is imported, what is left out of the count, and the most kilobytes (of 1,000 bytes) that it
 * may weigh, minified and gzipped. Where that is more than it should weigh, `goal` says so, and the table with it: the
 * budget then only keeps it from growing.
 */
export const budgets = [
  {
    name: 'MNIST example: compiler, tensor, nn, optim, device-cpu',
    source: mnist,
    without: ['@torchlet/data', '@torchlet/train'],
    kilobytes: 90,
    goal: 60,
  },
  { name: 'MNIST example with data and train', source: mnist, without: [], kilobytes: 93, goal: 70 },
  { name: 'MNIST page: all of the framework, device-webgpu', source: mnistPage, without: [], kilobytes: 90, goal: 75 },
  {
    name: 'minimal import: one tensor, no device',
    source: `export { tensor } from '@torchlet/tensor';`,
    without: [],
    kilobytes: 46,
  },
  { name: 'contract: all of device', source: `export * from '@torchlet/device';`, without: [], kilobytes: 5 },
];

/** The files of a bundle that its entry imports at once, itself among them. */
function atOnce(outputs) {
  const found = new Set(Object.keys(outputs).filter((path) => outputs[path].entryPoint === '<stdin>'));
  for (const path of found)
    for (const { path: next, kind } of outputs[path]?.imports ?? [])
      if (kind === 'import-statement' && next in outputs) found.add(next);
  return found;
}

/** Bundles and weighs each row. */
export async function sizes() {
  const { build } = await import('esbuild');
  return Promise.all(
    budgets.map(async ({ name, source, without, kilobytes, goal = kilobytes }) => {
      const { outputFiles, metafile } = await build({
        stdin: { contents: source, resolveDir: root, loader: 'ts' },
        bundle: true,
        splitting: true,
        outdir: 'size',
        write: false,
        minify: true,
        metafile: true,
        format: 'esm',
        platform: 'browser',
        target: 'es2022',
        // Left in the bundle so that we can name what asks for it.
        external: ['node:*', ...without],
        logLevel: 'silent',
      });
      const weighed = [...atOnce(metafile.outputs)];
      const needsNode = Object.values(metafile.outputs)
        .flatMap((output) => output.imports)
        .filter((found) => found.path.startsWith('node:') && found.kind !== 'dynamic-import')
        .map((found) => found.path);
      return {
        name,
        kilobytes,
        goal,
        gzipped: outputFiles
          .filter(({ path }) => weighed.some((output) => path.endsWith(output)))
          .reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length / 1000, 0),
        needsNode,
      };
    }),
  );
}

/** The table, as lines, and what broke its budget. */
export function report(rows) {
  const width = Math.max(...rows.map((row) => row.name.length));
  const lines = rows.map(({ name, gzipped, kilobytes, goal }) => {
    const line = `${name.padEnd(width)}  ${gzipped.toFixed(1).padStart(6)} KB of ${String(kilobytes).padStart(3)} KB`;
    return gzipped > goal ? `${line}, over its goal of ${goal} KB` : line;
  });
  const wrong = rows.flatMap((row) => [
    ...(row.gzipped > row.kilobytes
      ? [`${row.name}: ${row.gzipped.toFixed(1)} KB gzipped is over its budget of ${row.kilobytes} KB`]
      : []),
    ...row.needsNode.map((path) => `${row.name}: imports ${path}, which a browser has not`),
  ]);
  return { lines, wrong };
}

/** The budgets as a check: returns a note, throws what broke. */
export async function checkSizes() {
  const { lines, wrong } = report(await sizes());
  if (wrong.length > 0) throw new Error([...lines, ...wrong].join('\n'));
  return lines.map((line) => line.replace(/\s{2,}/g, ' ')).join('; ');
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await setupOrEnd();
  const { lines, wrong } = report(await sizes());
  console.log(lines.join('\n'));
  for (const line of wrong) console.error(line);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
