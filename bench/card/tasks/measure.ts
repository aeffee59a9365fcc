/** The cases as Torchlet runs them on any device, one after the other. Owns what a run of each kind is; the networks are `networks.ts`, timing is `timing.ts`. */
import { type Device, DeviceError } from '@torchlet/device';
import { layerNorm, Parameter } from '@torchlet/nn';
import { AdamW } from '@torchlet/optim';
import { deviceStats, gelu, manualSeed, ones, randn, setDefaultDevice, type Tensor, zeros } from '@torchlet/tensor';
import { openDevice } from '../../../scripts/devices.js';
import {
  type CardCase,
  casesOf,
  type Family,
  type MatmulCase,
  type RowOp,
  type RowsCase,
  type Scale,
  type StepCase,
} from '../cases.js';
import type { Emit, Timing } from '../lines.js';
import { type How, into, trainingStep, usePrecision } from '../networks.js';
import { protocols, timeRuns } from '../timing.js';

export interface MeasureSettings {
  readonly device: string;
  readonly scale: Scale;
  readonly families: readonly Family[];
  /** A regular expression: cases whose name it finds. */
  readonly only: string | null;
  /** For each case and reading. */
  readonly seconds: number;
  /** As the table calls this way to run: `loop`, or `own kernels` where libraries are turned off, `own kernels by warps` where warpgroups are too. */
  readonly mode: string;
}

/** A way to run a case. */
interface Way {
  readonly how: How;
  readonly reading: Timing['reading'];
  readonly run: () => Promise<void> | void;
}

export async function measure(
  { device: name, scale, families, only, seconds, mode }: MeasureSettings,
  emit: Emit,
): Promise<void> {
  const device = await openDevice(name);
  setDefaultDevice(device);
  const wait = (): Promise<void> => device.synchronize();
  for (const measured of casesOf(scale, families, only === null ? undefined : new RegExp(only))) {
    manualSeed(0);
    try {
      for (const { how, reading, run } of waysOf(measured, device)) {
        const timed = await timeRuns(run, wait, { seconds, ...protocols[scale] });
        const counts = await countsOf(device, run);
        const called = how === 'loop' ? mode : `${mode}, ${how}`;
        emit({ kind: 'timing', case: measured.name, peer: 'torchlet', mode: called, reading, ...timed, ...counts });
      }
    } catch (error) {
      emit({ kind: 'check', name: measured.name, ok: false, detail: `${mode}: ${(error as Error).message}` });
      // After a fault of the card every later case would fail with it.
      if (error instanceof DeviceError && error.sticky) return;
    }
    device.collectGarbage?.();
  }
  usePrecision('float32');
  told(device, `${families.join(', ')}, ${mode}`, emit);
  device.dispose();
}

/** How a card did it: graphs that were replayed or refused, products that a library computed. */
function told(device: Device, name: string, emit: Emit): void {
  const { info } = device as Device & { info?(): { readonly graphs: object; readonly libraries?: unknown } };
  if (info === undefined) return;
  const { graphs, libraries } = info.call(device);
  emit({ kind: 'facts', name, facts: { graphs, libraries } });
}

/** What one more run asks of the device. */
async function countsOf(device: Device, run: Way['run']): Promise<{ programs: number; kernels: number }> {
  const before = deviceStats(device);
  await run();
  const after = deviceStats(device);
  return { programs: after.programsRun - before.programsRun, kernels: after.kernelsRun - before.kernelsRun };
}

function waysOf(measured: CardCase, device: Device): readonly Way[] {
  switch (measured.kind) {
    case 'step':
      return stepWays(measured, device);
    case 'matmul':
      return [{ how: 'loop', reading: 'never', run: product(measured) }];
    case 'rows':
      return [{ how: 'loop', reading: 'never', run: rowsRun(measured) }];
    default:
      return measured satisfies never;
  }
}

function stepWays(measured: StepCase, device: Device): readonly Way[] {
  usePrecision(measured.precision);
  return (['loop', 'compiled'] as const).flatMap((how): readonly Way[] => {
    manualSeed(0);
    const step = trainingStep(measured, device, how);
    return [
      {
        how,
        reading: 'never',
        run: () => {
          step();
        },
      },
      {
        how,
        reading: 'every step',
        run: async () => {
          await step().item();
        },
      },
    ];
  });
}

function product({ size, precision }: MatmulCase): () => void {
  usePrecision(precision);
  const dtype = precision === 'bfloat16' ? 'bfloat16' : 'float32';
  const [a, b] = [randn([size, size]).to(dtype).store(), randn([size, size]).to(dtype).store()];
  const c = zeros([size, size], { dtype }).store();
  return () => into(c, () => a.matmul(b));
}

/** What is computed of x and a second array; AdamW updates in place and is none of these. */
const rowFunctions: Record<Exclude<RowOp, 'adamw'>, (x: Tensor, y: Tensor, scale: Tensor, shift: Tensor) => Tensor> = {
  copy: (x) => x,
  add: (x, y) => x.add(y),
  gelu: (x) => gelu(x, { approximate: 'tanh' }),
  softmax: (x) => x.softmax(-1),
  'layer-norm': (x, _, weight, bias) => layerNorm(x, [x.size(-1)], { weight, bias }),
  sum: (x) => x.sum(),
};

function rowsRun({ op, rows, columns }: RowsCase): () => void {
  const x = randn([rows, columns]).store();
  if (op === 'adamw') {
    const parameter = new Parameter(x);
    parameter.grad = randn([rows, columns]).store();
    const optimizer = new AdamW([parameter], { lr: 1e-3 });
    return () => optimizer.step();
  }
  const y = op === 'add' ? randn([rows, columns]).store() : x;
  const [scale, shift] = [ones([columns]).store(), zeros([columns]).store()];
  const out = zeros(op === 'sum' ? [] : [rows, columns]).store();
  return () => into(out, () => rowFunctions[op](x, y, scale, shift));
}
