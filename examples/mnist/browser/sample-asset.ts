/**
 * The sample digits as one small file beside the page. Owns the packing: all labels, then all images, gzipped; `page/worker/sample-digits.ts`
 * unpacks it.
 */

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { toTensor } from '@torchlet/data';
import type { Plugin } from 'vite';
import { loadSampleDigits } from '../sample.js';

const name = 'virtual:sample-digits';
const resolved = `\0${name}`;

/** Provides `virtual:sample-digits`, whose default export is the packed file's address. */
export function sampleAsset(): Plugin {
  return {
    name: 'torchlet:sample-asset',
    resolveId: (source) => (source === name ? resolved : undefined),
    async load(id) {
      if (id !== resolved) {
        return undefined;
      }
      // Not named .gz: some servers would say that it is packed, and the browser would unpack it once too often.
      const file = this.emitFile({ type: 'asset', name: 'sample-digits.bin', source: await packSample() });
      return `export default import.meta.ROLLUP_FILE_URL_${file};`;
    },
  };
}

export async function packSample(): Promise<Uint8Array> {
  const digits = await loadSampleDigits(toTensor);
  const labels = Uint8Array.from(await digits.labels.data(), Number);
  const pixels = (await digits.images.data()) as Uint8Array;
  // Level 9 takes seconds for half a percent.
  return promisify(gzip)(Buffer.concat([labels, pixels]), { level: 7 });
}
