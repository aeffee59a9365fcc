/**
 * Builds the native addon of this checkout: `npm run build:addon`. Tests, commands and `prepack` call `buildAddon()`, which does nothing where the
 * binary is that of the sources. It calls g++ itself, with the flags of `native/binding.gyp`, because node-gyp wants Python and Node's headers, which
 * it downloads where they are not installed; here Node's headers are those beside Node, or those that NODE_API_HEADERS names. `node-gyp rebuild
 * -C native` builds the same.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { alone } from './alone.mjs';

const nativeFolder = fileURLToPath(new URL('../native/', import.meta.url));
const sourceFolder = join(nativeFolder, 'src');
const releaseFolder = join(nativeFolder, 'build', 'Release');

/** The binary of this checkout, where `buildAddon()` leaves it. */
export const addonFile = join(releaseFolder, 'torchlet_cuda.node');

/** Of which sources and flags it is. */
const stampFile = join(releaseFolder, 'stamp');

/** This machine cannot build the addon; the message says what it lacks. */
export class CannotBuild extends Error {
  name = 'CannotBuild';
}

/**
 * Builds the addon where it is out of date.
 *
 * @returns {Promise<string>} the binary. @throws CannotBuild where the machine lacks something; Error where the sources do not compile.
 */
export async function buildAddon() {
  if (process.platform !== 'linux')
    throw new CannotBuild(`the addon is built on Linux, and this is ${process.platform}`);
  const flags = flagsOf();
  const stamp = hashOf(flags);
  if (isBuilt(stamp)) return addonFile;
  mkdirSync(releaseFolder, { recursive: true });
  await alone(join(nativeFolder, 'build', 'lock'), async () => {
    if (!isBuilt(stamp)) await build(flags, stamp);
  });
  return addonFile;
}

function isBuilt(stamp) {
  return existsSync(addonFile) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
}

async function build(flags, stamp) {
  const work = join(nativeFolder, 'build', `work-${process.pid}`);
  mkdirSync(work, { recursive: true });
  try {
    const built = join(work, 'torchlet_cuda.node');
    const objects = await compileAll(flags, work);
    await compiler(['-shared', ...flags.linker, '-o', built, ...objects]);
    // Whole or not at all: another process may load it meanwhile.
    renameSync(built, addonFile);
    writeFileSync(stampFile, stamp);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function compileAll({ compile }, work) {
  const objects = [];
  const waiting = sources('.cc');
  const worker = async () => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      const object = join(work, `${source}.o`);
      await compiler([...compile, '-c', '-o', object, join(sourceFolder, source)]);
      objects.push(object);
    }
  };
  await Promise.all([worker(), worker()]);
  return objects.sort();
}

function flagsOf() {
  const [target] = JSON.parse(readFileSync(join(nativeFolder, 'binding.gyp'), 'utf8')).targets;
  const include = [nodeHeaders(), dirname(createRequire(import.meta.url).resolve('node-addon-api/napi.h'))];
  return {
    compile: [
      ...['-fPIC', '-pthread'],
      ...target.cflags_cc,
      ...target.defines.map((define) => `-D${define}`),
      ...include.map((folder) => `-isystem${folder}`),
    ],
    linker: ['-pthread', ...target.ldflags],
  };
}

function nodeHeaders() {
  const named = process.env.NODE_API_HEADERS;
  const beside = join(dirname(process.execPath), '..', 'include', 'node');
  const folders = [...(named ? [named] : []), beside, '/usr/include/node', '/usr/local/include/node'];
  const found = folders.find((folder) => existsSync(join(folder, 'node_api.h')));
  if (found === undefined)
    throw new CannotBuild(
      `Node's headers (node_api.h) were not found in ${folders.join(', ')}; NODE_API_HEADERS names their folder`,
    );
  return found;
}

function sources(...ends) {
  return readdirSync(sourceFolder)
    .filter((name) => ends.some((end) => name.endsWith(end)))
    .sort();
}

function hashOf(flags) {
  const hash = createHash('sha256').update(JSON.stringify(flags));
  for (const name of sources('.cc', '.h')) hash.update(`\0${name}\0`).update(readFileSync(join(sourceFolder, name)));
  return hash.digest('hex');
}

function compiler(args) {
  const program = process.env.CXX || 'g++';
  return new Promise((settle, fail) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (cause) =>
      fail(
        new CannotBuild(`the addon needs a C++ compiler, and ${program} cannot be run (${cause.message})`, { cause }),
      ),
    );
    child.on('close', (code) => {
      if (code !== 0) fail(new Error(`${program} ended with ${code}\n${output}`));
      else settle(output);
    });
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    console.log(await buildAddon());
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
