/**
 * Builds the driver stand-in: a `libcuda.so.1` that executes PTX on the CPU. g++ makes it on first use into a cache folder
 * named by what was built; later calls find it there. What the library does is in the C++ beside this file: read
 * `execute/block.h` and `driver/state.h` first. Beside it stand-ins of cuBLASLt and cuDNN are
 * built, which compute on the driver's memory: `libraries/cublaslt/product.h`, `libraries/cudnn/convolution.h`. Nothing of this is in the published package.
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { alone } from '../scripts/alone.mjs';
import { CannotBuild } from '../scripts/build-addon.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** Names another folder for what is built, e.g. where the checkout cannot be written. */
const cacheVariable = 'TORCHLET_STANDIN_CACHE';

const driverName = 'libcuda.so.1';
/** What is built of each folder of `libraries/`. */
const libraryNames = { cublaslt: 'libcublasLt.so.12', cudnn: 'libcudnn.so.9' } as const;
const librariesFolder = 'libraries/';

/** No contraction: a product and a sum are fused only where PTX says so. */
const flags = [
  '-std=c++17',
  '-O3',
  '-march=native',
  '-mprefer-vector-width=512',
  '-ffp-contract=off',
  '-fno-trapping-math',
  '-fno-math-errno',
  '-fno-strict-aliasing',
  '-fwrapv',
  '-fPIC',
  '-fvisibility=hidden',
];

/** The stand-in of a library that belongs to a stand-in of the driver. */
export function libraryBeside(driver: string, library: keyof typeof libraryNames): string {
  return join(dirname(driver), libraryNames[library]);
}

/**
 * The path of the stand-in, built if it is not there.
 * @throws CannotBuild where there is no g++, or it is not Linux on x86-64; Error where the sources do not compile
 */
export async function buildStandin(): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new CannotBuild(`the CUDA stand-in: expected Linux on x86-64, got ${process.platform} on ${process.arch}`);
  }
  const cache = process.env[cacheVariable] || join(folder, '..', '.torchlet', 'standin');
  const files = sources();
  const key = createHash('sha256').update(JSON.stringify([flags, driverName, libraryNames, cpus()[0]?.model ?? '']));
  for (const file of files) key.update(file).update(readFileSync(join(folder, file)));
  const target = join(cache, key.digest('hex').slice(0, 16));
  const library = join(target, driverName);
  if (existsSync(library)) return library;
  if (spawnSync('g++', ['--version']).status !== 0) {
    throw new CannotBuild(
      'the CUDA stand-in: expected a C++ compiler, got no g++; install g++ (Debian: apt-get install g++)',
    );
  }
  mkdirSync(cache, { recursive: true });
  await alone(`${target}.lock`, async () => {
    if (!existsSync(library)) await build(files, target);
  });
  return library;
}

async function build(files: readonly string[], target: string): Promise<void> {
  const work = `${target}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  try {
    await compile(
      files.filter((file) => file.endsWith('.cc')),
      work,
    );
    mkdirSync(target, { recursive: true });
    for (const name of [...Object.values(libraryNames), driverName]) renameSync(join(work, name), join(target, name));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function sources(): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.cc') || file.endsWith('.h'))
    .sort();
}

async function compile(files: readonly string[], work: string): Promise<void> {
  const run = promisify(execFile);
  const objects = files.map((file) => join(work, `${file.replaceAll('/', '_')}.o`));
  const rest = files.entries();
  const worker = async () => {
    for (const [at, file] of rest) {
      await run('g++', [...flags, '-c', join(folder, file), '-o', objects[at] ?? '']);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  const link = (name: string, parts: readonly string[], rest: readonly string[]) =>
    run('g++', ['-shared', '-o', join(work, name), ...parts, ...rest]);
  const partsOf = (folder: string) => objects.filter((_, at) => files[at]?.startsWith(folder) === true);
  const ofLibraries = new Set(partsOf(librariesFolder));
  await link(
    driverName,
    objects.filter((object) => !ofLibraries.has(object)),
    ['-ldl'],
  );
  for (const [folder, name] of Object.entries(libraryNames))
    await link(name, partsOf(`${librariesFolder}${folder}/`), ['-L', work, `-l:${driverName}`, '-Wl,-rpath,$ORIGIN']);
}
