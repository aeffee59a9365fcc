/**
 * Images as text, to look at some in a terminal or on a page. Owns their drawing alone.
 */

import type { ImageDataset } from '@torchlet/data';

/** From blank to full ink. */
const shades = ' .:-=+*#%@';

/** Some images of a dataset side by side, their labels above. Every other row is left out: letters are taller than wide. */
export async function drawDigits(digits: ImageDataset, count: number): Promise<string> {
  const samples = Array.from({ length: count }, (_, index) => digits.get(Math.floor((index * digits.length) / count)));
  const pictures = await Promise.all(samples.map(async ([image]) => (await image.array()) as number[][][]));
  const brightest = Math.max(...pictures.flat(3));
  const ink = (value: number) => shades[Math.round((value / brightest) * (shades.length - 1))];
  const rows = pictures.map(([plane = []]) =>
    plane.filter((_, row) => row % 2 === 0).map((row) => row.map(ink).join('')),
  );
  const width = rows[0]?.[0]?.length ?? 0;
  const captions = samples.map(([, label]) => (digits.classes[label] ?? `${label}`).padEnd(width)).join(' ');
  const lines = (rows[0] ?? []).map((_, line) => rows.map((picture) => picture[line]).join(' '));
  return [captions, ...lines].map((line) => line.trimEnd()).join('\n');
}
