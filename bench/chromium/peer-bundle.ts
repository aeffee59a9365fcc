/** How the modules `peer:NAME` are found for a bundle: in the node_modules of PEERS_DIR, and nowhere in this repository. */
import type { Plugin } from 'esbuild';

/** What each module is made of. */
const sources: Readonly<Record<string, string>> = {
  'peer:jax-js': `export * from '@jax-js/jax';`,
  // The gradients register themselves, which the core alone leaves out.
  'peer:tfjs': `import '@tensorflow/tfjs-core/dist/register_all_gradients'; import '@tensorflow/tfjs-backend-webgpu'; export * from '@tensorflow/tfjs-core';`,
};

export function peerBundle(peersDir: string): Plugin {
  return {
    name: 'torchlet:peers',
    setup(build) {
      build.onResolve({ filter: /^peer:/ }, ({ path }) => ({ path, namespace: 'peer' }));
      build.onLoad({ filter: /.*/, namespace: 'peer' }, ({ path }) => ({
        contents: sources[path] ?? '',
        resolveDir: peersDir,
      }));
    },
  };
}
