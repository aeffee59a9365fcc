/**
 * What a user of the published packages gets: packs every package, looks into the tarballs, installs them into empty
 * folders and runs the first example of each README there. Each check returns a short note or throws what is wrong.
 * `npm test` runs them; it does not publish.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layers } from './layers.mjs';
import { cacheFolder, capture, npm, pnpm, root } from './toolchain.mjs';

const tarballFolder = join(cacheFolder, 'tarballs');

/** What a tarball may hold besides what all of them hold, by package folder. */
const extraFiles = { 'device-cuda': /^package\/prebuilds\/[\w-]+\/torchlet_cuda\.node$/ };

/** Every published package: its folder name, and its manifest as it stands in a checkout. */
export function publishedPackages(checkout = root) {
  return readdirSync(join(checkout, 'packages')).map((folder) => ({
    folder,
    manifest: JSON.parse(readFileSync(join(checkout, 'packages', folder, 'package.json'), 'utf8')),
  }));
}

/** The manifests agree with the layer table and with each other. */
export function checkManifests() {
  const wrong = [];
  for (const { folder, manifest } of publishedPackages()) {
    const say = (text) => wrong.push(`packages/${folder}/package.json: ${text}`);
    const allowed = layers[folder];
    if (allowed === undefined) say('has no row in scripts/layers.mjs');
    const imported = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies };
    for (const [name, range] of Object.entries({ ...imported, ...manifest.devDependencies })) {
      const ours = ourFolder(name);
      if (ours === undefined) continue;
      if (range !== 'workspace:*') say(`${name} must be "workspace:*", got "${range}"`);
      if (name in imported && allowed && !allowed.includes(ours)) say(`must not depend on ${name}`);
    }
    if (manifest.private) say('is private');
    if (manifest.type !== 'module') say('"type" must be "module"');
    if (manifest.license !== 'MIT') say('"license" must be "MIT"');
    if (manifest.engines?.node !== '>=20.19') say('"engines.node" must be ">=20.19"');
    if (manifest.repository?.directory !== `packages/${folder}`)
      say(`"repository.directory" must be "packages/${folder}"`);
    if (manifest.publishConfig?.access !== 'public') say('"publishConfig.access" must be "public"');
    if (manifest.scripts?.test === undefined) say('has no "test" script');
    for (const name of ['preinstall', 'install', 'postinstall'])
      if (manifest.scripts?.[name]) say(`has a "${name}" script`);
    for (const [path, target] of Object.entries(manifest.exports)) {
      const wanted = publishedTarget(target);
      const got = manifest.publishConfig?.exports?.[path];
      if (JSON.stringify(got) !== JSON.stringify(wanted))
        say(`"publishConfig.exports" differs from "exports" at "${path}"`);
    }
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return `${publishedPackages().length} packages`;
}

/** The largest tarball: what is downloaded to use a package. */
const mostBytes = 2_000_000;

/** Packs everything, and looks for what must not be in a tarball. */
export async function checkTarballs() {
  rmSync(tarballFolder, { recursive: true, force: true });
  mkdirSync(tarballFolder, { recursive: true });
  const program = await pnpm();
  await must(program, ['-r', '--filter', './packages/*', 'pack', '--pack-destination', tarballFolder]);
  const wrong = [];
  for (const { folder, manifest } of publishedPackages()) {
    const tarball = tarballOf(manifest);
    const files = (await must('tar', ['-tzf', tarball])).trim().split('\n');
    const packed = await must('tar', ['-xzOf', tarball, 'package/package.json']);
    const say = (text) => wrong.push(`${folder}: ${text}`);
    const { size } = statSync(tarball);
    if (size > mostBytes) say(`its tarball has ${size} bytes, the most are ${mostBytes}`);
    for (const word of ['workspace:', '@torchlet/source'])
      if (packed.includes(word)) say(`its packed manifest has "${word}"`);
    for (const file of ['README.md', 'LICENSE'])
      if (!files.includes(`package/${file}`)) say(`its tarball has no ${file}`);
    for (const file of files) {
      const usual = /^package\/(dist\/.*|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/.test(file);
      if (!usual && !extraFiles[folder]?.test(file)) say(`its tarball has ${file}`);
    }
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return `${publishedPackages().length} tarballs`;
}

export async function checkPublint() {
  return eachTarball((tarball) => capture('publint', [tarball, '--strict']));
}

export async function checkTypesOfExports() {
  return eachTarball((tarball) =>
    capture('attw', [tarball, '--profile', 'esm-only', '--no-emoji', '--format', 'table']),
  );
}

/** Installs each package from its tarball into an empty folder, and compiles and runs its README's first example. */
export async function checkReadmes() {
  const wrong = [];
  let run = 0;
  await inPairs(publishedPackages(), async ({ folder, manifest }) => {
    const example = firstExample(join(root, 'packages', folder, 'README.md'));
    if (example === undefined) {
      wrong.push(`packages/${folder}/README.md: has no \`\`\`ts example`);
      return;
    }
    const problem = await tryExample(manifest, example);
    if (problem) wrong.push(`packages/${folder}/README.md: its first example fails\n${problem}`);
    else run += 1;
  });
  const rootExample = firstExample(join(root, 'README.md'));
  const umbrella = publishedPackages().find(({ folder }) => folder === 'torchlet');
  const problem = rootExample ? await tryExample(umbrella.manifest, rootExample) : 'has no ```ts example';
  if (problem) wrong.push(`README.md: ${problem}`);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return `${run + 1} examples`;
}

/** The compiler options of a reader who takes care: declarations of ours that don't hold together fail here. */
const readersOptions = {
  strict: true,
  noEmit: true,
  target: 'ES2022',
  module: 'NodeNext',
  lib: ['ES2023', 'ESNext.Disposable', 'DOM'],
  types: [],
};

async function tryExample(manifest, example) {
  const folder = mkdtempSync(join(tmpdir(), 'torchlet-readme-'));
  try {
    const direct = new Set([manifest.name, ...importedPackages(example)]);
    const ours = closure([...direct], packagesByName());
    const local = (wanted) =>
      Object.fromEntries(ours.filter(wanted).map((each) => [each.name, `file:${tarballOf(each)}`]));
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({
        name: 'reader',
        private: true,
        type: 'module',
        dependencies: local((each) => direct.has(each.name)),
        // What is not published yet can only come from the tarballs beside it.
        overrides: local((each) => !direct.has(each.name)),
      }),
    );
    writeFileSync(join(folder, 'example.ts'), example);
    const install = await npm(
      ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'],
      quietly(folder),
    );
    if (install.code !== 0) return install.output;
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: readersOptions, include: ['example.ts'] }),
    );
    const compiled = await capture('tsc', ['-p', '.'], quietly(folder));
    if (compiled.code !== 0) return compiled.output;
    const ran = await capture(
      process.execPath,
      ['--import', import.meta.resolve('tsx'), 'example.ts'],
      quietly(folder),
    );
    return ran.code === 0 ? undefined : ran.output;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function quietly(cwd) {
  return { cwd, stdio: ['ignore', 'pipe', 'pipe'] };
}

function firstExample(readme) {
  return /^```ts\r?\n([\s\S]*?)^```/m.exec(readFileSync(readme, 'utf8'))?.[1];
}

function packagesByName() {
  return new Map(publishedPackages().map(({ manifest }) => [manifest.name, manifest]));
}

/** Our packages that an example imports by name: its reader installs these too. */
function importedPackages(example) {
  return [...example.matchAll(/from '((?:@torchlet\/)?[\w-]+)/g)].map(([, name]) => name).filter(ourFolder);
}

/** The manifests of the named packages and of everything of ours that they need. */
function closure(names, byName, found = new Set()) {
  for (const name of names) {
    const manifest = byName.get(name);
    if (manifest === undefined || found.has(manifest)) continue;
    found.add(manifest);
    closure(Object.keys(manifest.dependencies ?? {}), byName, found);
  }
  return [...found];
}

function ourFolder(name) {
  return name === 'torchlet' ? name : /^@torchlet\/(.+)$/.exec(name)?.[1];
}

function publishedTarget(target) {
  if (typeof target === 'string') return target;
  return Object.fromEntries(Object.entries(target).filter(([condition]) => condition !== '@torchlet/source'));
}

function tarballOf({ name, version }) {
  return join(tarballFolder, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
}

async function eachTarball(work) {
  const wrong = [];
  await inPairs(publishedPackages(), async ({ manifest }) => {
    const { code, output } = await work(tarballOf(manifest));
    if (code !== 0) wrong.push(`${manifest.name}\n${output}`);
  });
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return `${publishedPackages().length} tarballs`;
}

async function must(program, args) {
  const { code, output } = await capture(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}\n${output}`);
  return output;
}

/** Two at a time: what the smallest machine we promise has cores for. */
async function inPairs(items, work) {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all([worker(), worker()]);
}
