/** What the machine and the device say of themselves: processor, driver, the card's state, libraries and Vulkan drivers that lie about. Reads, changes nothing. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import os from 'node:os';
import type { Device } from '@torchlet/device';
import { openDevice } from '../../../scripts/devices.js';
import type { Emit } from '../lines.js';

export interface FactsSettings {
  readonly device: string;
  /** Whether the machine is asked too. */
  readonly machine: boolean;
}

/** Libraries that the device, its peers or WebGPU may use. */
const libraries = /lib(cuda|cublas|cublasLt|cudnn|nvrtc|nvidia-ptxjitcompiler|vulkan|GLX_nvidia)\.so/;
const vulkanDrivers = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d', '/usr/local/nvidia/share/vulkan/icd.d'];
const asked =
  'name,driver_version,memory.total,memory.used,clocks.sm,clocks.max.sm,clocks.mem,power.limit,temperature.gpu,mig.mode.current';

export async function facts({ device: name, machine: asksMachine }: FactsSettings, emit: Emit): Promise<void> {
  if (asksMachine) aboutTheMachine(emit);
  const device = await openDevice(name);
  emit({ kind: 'facts', name: 'device', facts: saidBy(device) });
  device.dispose();
}

function aboutTheMachine(emit: Emit): void {
  emit({ kind: 'facts', name: 'machine', facts: machine() });
  emit({
    kind: 'facts',
    name: 'nvidia-smi',
    facts: { says: outputOf('nvidia-smi', [`--query-gpu=${asked}`, '--format=csv']) },
  });
  emit({
    kind: 'facts',
    name: 'libraries of the loader',
    facts: { found: linesOf(outputOf('/sbin/ldconfig', ['-p'])).filter((line) => libraries.test(line)) },
  });
  const drivers = vulkanDrivers
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((file) => `${folder}/${file}`));
  emit({ kind: 'facts', name: 'Vulkan drivers', facts: { found: drivers } });
}

/** What a plug-in tells beyond the contract: CUDA's card, WebGPU's adapter. */
function saidBy(device: Device): Record<string, unknown> {
  const more = device as Device & { info?(): object; readonly adapter?: object };
  return { name: device.name, ...more.info?.(), ...(more.adapter === undefined ? {} : { adapter: more.adapter }) };
}

function machine(): Record<string, unknown> {
  const [cpu] = os.cpus();
  return {
    node: process.version,
    system: `${os.type()} ${os.release()}`,
    processor: cpu?.model,
    cores: os.cpus().length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
  };
}

const linesOf = (text: string | null): string[] => (text ?? '').split('\n').map((line) => line.trim());

/** What a program prints, or null where it is not there or fails. */
function outputOf(command: string, args: readonly string[]): string | null {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? stdout.trim() : null;
}
