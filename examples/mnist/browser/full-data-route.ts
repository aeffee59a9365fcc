/**
 * The original MNIST files from the server of the page: those that Node has, or fetches into its cache. Owns that one route, which makes the
 * page independent of whether a mirror lets pages read it.
 */

import type { ServerResponse } from 'node:http';
import { MNIST } from '@torchlet/data/node';
import type { Plugin } from 'vite';

/** Answers `data/train-images-idx3-ubyte.gz` and `data/train-labels-idx1-ubyte.gz` with the files, unpacked. */
export function fullDataRoute(): Plugin {
  let loaded: Promise<MNIST> | undefined;
  const load = () => {
    loaded ??= MNIST.load({ train: true }).catch((error) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
  const files: Readonly<Record<string, (digits: MNIST) => Promise<Uint8Array>>> = {
    '/train-images-idx3-ubyte.gz': async ({ images }) => idx((await images.data()) as Uint8Array, images.shape),
    '/train-labels-idx1-ubyte.gz': async ({ labels }) =>
      idx(Uint8Array.from(await labels.data(), Number), labels.shape),
  };
  return {
    name: 'torchlet:full-data-route',
    configurePreviewServer({ middlewares }) {
      middlewares.use('/data', (request, response, next) => {
        const file = files[request.url ?? ''];
        if (file === undefined) {
          next();
          return;
        }
        load()
          .then(file)
          .then((bytes) => response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bytes))
          .catch((error: Error) => refuse(response, error));
      });
    },
  };
}

function refuse(response: ServerResponse, { message }: Error): void {
  response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end(message);
}

/** Bytes in the IDX format: two zeros, the type code of uint8, the number of dimensions, their lengths, the values. */
function idx(values: Uint8Array, shape: readonly number[]): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  for (const [axis, length] of shape.entries()) {
    header.writeUInt32BE(length, 4 + 4 * axis);
  }
  return Buffer.concat([header, values]);
}
