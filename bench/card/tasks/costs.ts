/**
 * What it costs to ask something of a device, before any tensor: opening it, submitting a program of one kernel and of many, reading four bytes, moving many.
 * Programs are written by hand, so that nothing else is measured. Works on any device; graphs are turned off where a device has them.
 */
import type { Device, Program, Span } from '@torchlet/device';
import { axis, buffer, constant, fn, load, map, program } from '@torchlet/device/by-hand';
import { openDevice } from '../../../scripts/devices.js';
import { median } from '../../median.js';
import type { Scale } from '../cases.js';
import type { Emit } from '../lines.js';

export interface CostSettings {
  readonly device: string;
  readonly scale: Scale;
}

const FLOAT_BYTES = 4;
const MICROSECONDS = 1000;
/** Kernels of the long program. */
const KERNELS = 100;
const sizes = {
  full: { runs: 1000, reads: 200, bytes: 64 * 2 ** 20 },
  tiny: { runs: 5, reads: 5, bytes: 2 ** 16 },
} as const;

/** `kernels` kernels, each of which adds one to the same few elements. */
function adding(kernels: number): Program {
  const size = 32;
  const more = fn('add', [load(0, axis(0)), constant(1)]);
  return program(
    `${kernels} additions`,
    [buffer(0, size)],
    Array.from({ length: kernels }, (_, i) => map(`add ${i}`, size, 0, more)),
  );
}

export async function costs({ device: name, scale }: CostSettings, emit: Emit): Promise<void> {
  const start = performance.now();
  const device = await openDevice(name);
  figure(emit, 'opening the device', performance.now() - start, 'ms');
  const span: Span = { buffer: device.allocate(KERNELS * FLOAT_BYTES, 'counters'), byteOffset: 0 };
  await submissions(device, span, sizes[scale].runs, '', emit);
  await reads(device, span, sizes[scale].reads, emit);
  await transfers(device, sizes[scale].bytes, emit);
  device.dispose();
  if (!name.startsWith('cuda')) return;
  const direct = await openDevice(name, { graphs: false });
  const other: Span = { buffer: direct.allocate(KERNELS * FLOAT_BYTES, 'counters'), byteOffset: 0 };
  await submissions(direct, other, sizes[scale].runs, ', no graphs', emit);
  direct.dispose();
}

async function submissions(device: Device, span: Span, runs: number, how: string, emit: Emit): Promise<void> {
  for (const kernels of [1, KERNELS]) {
    const compiled = device.compile(adding(kernels));
    await compiled.ready;
    const bindings = { buffers: [span], hostInputs: [], scalars: [] };
    // The second run may be captured, the third is replayed.
    for (let i = 0; i < 3; i++) device.run(compiled, bindings);
    await device.synchronize();
    const start = performance.now();
    for (let i = 0; i < runs; i++) device.run(compiled, bindings);
    const submitted = performance.now();
    await device.synchronize();
    const name = kernels === 1 ? 'a program of one kernel' : `a program of ${kernels} kernels`;
    figure(emit, `${name}${how}, submitted`, ((submitted - start) / runs) * MICROSECONDS, 'us');
    figure(emit, `${name}${how}, run`, ((performance.now() - start) / runs) * MICROSECONDS, 'us');
    compiled.dispose();
  }
}

async function reads(device: Device, span: Span, count: number, emit: Emit): Promise<void> {
  const compiled = device.compile(adding(1));
  await compiled.ready;
  const idle: number[] = [];
  const afterRun: number[] = [];
  for (let i = 0; i < count; i++) {
    let start = performance.now();
    await device.read(span, 'float32', 1);
    idle.push(performance.now() - start);
    start = performance.now();
    device.run(compiled, { buffers: [span], hostInputs: [], scalars: [] });
    await device.read(span, 'float32', 1);
    afterRun.push(performance.now() - start);
  }
  figure(emit, 'reading four bytes', median(idle) * MICROSECONDS, 'us');
  figure(emit, 'running one kernel and reading four bytes', median(afterRun) * MICROSECONDS, 'us');
  compiled.dispose();
}

async function transfers(device: Device, bytes: number, emit: Emit): Promise<void> {
  const span: Span = { buffer: device.allocate(bytes, 'transfers'), byteOffset: 0 };
  const data = new Float32Array(bytes / FLOAT_BYTES).fill(1);
  const up: number[] = [];
  const down: number[] = [];
  for (let i = 0; i < 5; i++) {
    let start = performance.now();
    device.write(span, 'float32', data);
    await device.synchronize();
    up.push(performance.now() - start);
    start = performance.now();
    await device.read(span, 'float32', data.length);
    down.push(performance.now() - start);
  }
  figure(emit, `uploading ${bytes} bytes`, bytes / median(up) / 1e6, 'GB/s');
  figure(emit, `reading ${bytes} bytes`, bytes / median(down) / 1e6, 'GB/s');
  device.free(span.buffer);
}

function figure(emit: Emit, name: string, value: number, unit: string): void {
  emit({ kind: 'figure', name, value, unit });
}
