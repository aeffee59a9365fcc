/**
 * That products by warpgroups (`wgmma`) are those by warps, on a card that has them: of numbers whose sums are exact, of shapes that take each form, in every way
 * that factors lie. What their matrices are described by only a card can show to be right.
 */
import type { Device } from '@torchlet/device';
import { type DType, setFloat32MatmulPrecision, type Tensor, tensor } from '@torchlet/tensor';
import { openDevice } from '../../../scripts/devices.js';
import type { Scale } from '../cases.js';
import type { Emit } from '../lines.js';

export interface WarpgroupSettings {
  readonly device: string;
  readonly scale: Scale;
}

/** Rows, columns and terms. */
type Shape = readonly [m: number, n: number, k: number];
const shapes: Readonly<Record<Scale, readonly Shape[]>> = {
  full: [
    [2048, 2048, 512],
    [1024, 1024, 1024],
    [768, 768, 4096],
    [264, 248, 1032],
  ],
  tiny: [[72, 136, 80]],
};

const layouts = ['plain', 'turned'] as const;

/** Quarters from -1.5 to 1.5: exact in every dtype that tensor cores take, as sums of thousands of their products are in float32. */
function quarters(size: number, seed: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => (((i * 7919 + seed * 104_729) % 13) - 6) / 4);
}

function matrix(device: Device, dtype: DType, [rows, columns]: readonly [number, number], layout: string): Tensor {
  const data = quarters(rows * columns, rows);
  if (layout === 'plain') return tensor(data, { shape: [rows, columns], device, dtype });
  return tensor(data, { shape: [columns, rows], device, dtype }).transpose(0, 1);
}

export async function warpgroups({ device: name, scale }: WarpgroupSettings, emit: Emit): Promise<void> {
  const own = { libraries: 'off' } as const;
  const [byGroups, byWarps] = [
    await openDevice(name, { ...own, wgmma: 'always' }),
    await openDevice(name, { ...own, wgmma: 'off' }),
  ];
  const { info } = byGroups as Device & { info?(): { readonly wgmma?: string } };
  if (info?.call(byGroups).wgmma !== 'always') {
    const reason = 'the card or its driver has none: compute capability 9.0 and CUDA 12 are needed';
    emit({ kind: 'skipped', name: 'products by warpgroups', who: 'torchlet', reason });
    return;
  }
  setFloat32MatmulPrecision('high');
  for (const dtype of ['bfloat16', 'float16', 'float32'] as const) {
    for (const [m, n, k] of shapes[scale]) {
      for (const left of layouts) {
        for (const right of layouts) {
          const computed = async (device: Device): Promise<readonly number[]> => {
            const factors = [matrix(device, dtype, [m, k], left), matrix(device, dtype, [k, n], right)] as const;
            return [...(await factors[0].matmul(factors[1]).data())].map(Number);
          };
          const [found, expected] = [await computed(byGroups), await computed(byWarps)];
          const wrong = found.filter((value, i) => value !== expected[i]).length;
          emit({
            kind: 'check',
            name: `products by warpgroups: ${dtype} ${m} x ${n} x ${k}, ${left} and ${right}`,
            ok: wrong === 0,
            detail: `${wrong} of ${m * n} differ from those by warps`,
          });
        }
      }
    }
  }
  byGroups.dispose();
  byWarps.dispose();
}
