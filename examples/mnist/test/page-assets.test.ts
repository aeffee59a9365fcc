/**
 * What the page is built of, without a browser: the packed sample, and the refusal of modules that a browser has not.
 */
import { gunzipSync } from 'node:zlib';
import { toTensor } from '@torchlet/data';
import { describe, expect, it } from 'vitest';
import { BundleReport } from '../browser/bundle-report.js';
import { unpackSample } from '../browser/page/worker/sample-digits.js';
import { packSample } from '../browser/sample-asset.js';
import { loadSampleDigits } from '../sample.js';

describe('the sample digits of the page', () => {
  it('are those of Node, packed into less than 2 MB', { timeout: 60_000 }, async () => {
    const [packed, digits] = await Promise.all([packSample(), loadSampleDigits(toTensor)]);
    expect(packed.length).toBeLessThan(2e6);
    const unpacked = unpackSample(new Uint8Array(gunzipSync(packed)));
    expect(unpacked.length).toBe(10_000);
    expect(unpacked.classes).toEqual(digits.classes);
    expect(
      Buffer.from((await unpacked.images.data()) as Uint8Array).equals((await digits.images.data()) as Uint8Array),
    ).toBe(true);
    expect(await unpacked.labels.data()).toEqual(await digits.labels.data());
  });
});

describe('the bundle', () => {
  const { resolveId } = new BundleReport().plugin();
  const resolve = resolveId as (source: string, importer: string) => undefined;

  it.each(['node:fs', 'fs', 'worker_threads', '@torchlet/device-cuda'])('must not have %s', (source) => {
    expect(() => resolve(source, 'importer.ts')).toThrow(`importer.ts imports ${source}, which`);
  });

  it('may have all else', () => {
    expect(resolve('@torchlet/tensor', 'importer.ts')).toBeUndefined();
  });
});
