/**
 * jax-js on WebGPU in Node, on the cases that it and Torchlet both have: perceptrons and float32 products. The package comes from PEERS_DIR, and WebGPU is given
 * to it as a browser would. Owns its step; the typing of the package is `children/jax-js-trainer.ts`.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { type Jax, type JaxArray, jaxTrainer } from '../../children/jax-js-trainer.js';
import { findGpu } from '../../../packages/device-webgpu/src/find-gpu.js';
import { casesOf, type Family, type MatmulCase, type Scale, type StepCase } from '../cases.js';
import type { Emit } from '../lines.js';
import { protocols, timeRuns } from '../timing.js';

export interface JaxJsSettings {
  readonly scale: Scale;
  readonly families: readonly Family[];
  readonly only: string | null;
  readonly seconds: number;
}

/** A variable, so that a bundle does not ask for the package. */
const dawn = 'webgpu';

export async function jaxJs({ scale, families, only, seconds }: JaxJsSettings, emit: Emit): Promise<void> {
  const peersDir = process.env['PEERS_DIR'];
  if (peersDir === undefined) {
    emit({
      kind: 'skipped',
      name: 'jax-js',
      who: 'jax-js',
      reason: 'PEERS_DIR is not set; it names a folder in which @jax-js/jax has been installed',
    });
    return;
  }
  const { gpu } = await findGpu();
  const { globals } = (await import(dawn)) as { globals: object };
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu, userAgent: 'Node' }, configurable: true });
  const jax = createRequire(path.join(peersDir, 'package.json'))('@jax-js/jax') as Jax;
  await jax.init('webgpu');
  jax.defaultDevice('webgpu');
  for (const measured of casesOf(scale, families, only === null ? undefined : new RegExp(only))) {
    const about = { kind: 'timing', case: measured.name, peer: 'jax-js', mode: 'jit' } as const;
    const protocol = { seconds, ...protocols[scale] };
    try {
      if (measured.kind === 'matmul' && measured.precision === 'float32') {
        emit({ ...about, reading: 'never', ...(await product(jax, measured, protocol)) });
      } else if (measured.kind === 'step' && measured.network.kind === 'mlp' && measured.optimizer === 'sgd') {
        for (const reading of ['never', 'every step'] as const) {
          emit({ ...about, reading, ...(await steps(jax, measured, reading, protocol)) });
        }
      }
    } catch (error) {
      emit({ kind: 'skipped', name: measured.name, who: 'jax-js', reason: (error as Error).message });
    }
  }
}

type Protocol = Parameters<typeof timeRuns>[2];

async function product(jax: Jax, { size }: MatmulCase, protocol: Protocol) {
  const values = Float32Array.from({ length: size * size }, (_, i) => (i % 101) / 101 - 0.5);
  const array = (): JaxArray => jax.numpy.array(values, { shape: [size, size], dtype: jax.numpy.float32 });
  const [a, b] = [array(), array()];
  const compiled = jax.jit((x: JaxArray, y: JaxArray) => jax.numpy.matmul(x, y));
  let last: JaxArray | undefined;
  return timeRuns(
    () => {
      last?.dispose();
      last = compiled(a.ref, b.ref);
    },
    async () => {
      await last?.ref.blockUntilReady();
    },
    protocol,
  );
}

async function steps(jax: Jax, { network, batch }: StepCase, reading: 'never' | 'every step', protocol: Protocol) {
  if (network.kind !== 'mlp') throw new TypeError(`expected a perceptron, got ${network.kind}`);
  const { widths } = network;
  const [pixels = 0] = widths;
  const normals = Float32Array.from({ length: 4 * 2 ** 20 }, (_, i) => Math.sin(i * 12.9898) * 1.7);
  const work = {
    kind: 'train',
    widths,
    learningRate: 0.01,
    batch,
    trainImages: batch,
    epochs: 1,
    warmEpochs: 0,
  } as const;
  const trainer = jaxTrainer(jax, normals, work);
  const images = normals.slice(0, batch * pixels);
  const labels = Uint8Array.from({ length: batch }, (_, i) => i % (widths.at(-1) ?? 1));
  return timeRuns(
    async () => {
      trainer.step({ images, labels });
      if (reading === 'every step') await trainer.readLoss();
    },
    async () => {
      await trainer.lastLoss();
    },
    protocol,
  );
}
