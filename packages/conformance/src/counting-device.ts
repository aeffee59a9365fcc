/**
 * A device that counts what passes through it: programs compiled and run, and the kernels of each run. It computes nothing; every call goes to the
 * device it wraps, so a count proves that a value came from a kernel.
 */
import type { Device } from '@torchlet/device';

export interface DeviceCounts {
  programsCompiled: number;
  programsRun: number;
  kernelsRun: number;
}

export interface CountingDevice {
  /** To be used in place of the device. */
  readonly device: Device;
  /** The counts so far. */
  readonly counts: Readonly<DeviceCounts>;
}

/** Wraps `device`. Disposing the wrapper disposes the device. */
export function countingDevice(device: Device): CountingDevice {
  const counts: DeviceCounts = { programsCompiled: 0, programsRun: 0, kernelsRun: 0 };
  const counted: Device = {
    name: device.name,
    capabilities: device.capabilities,
    lost: device.lost,
    allocate: (bytes, label) => device.allocate(bytes, label),
    free: (buffer) => device.free(buffer),
    write: (span, dtype, data) => device.write(span, dtype, data),
    read: (span, dtype, size) => device.read(span, dtype, size),
    compile(program) {
      counts.programsCompiled++;
      return device.compile(program);
    },
    run(compiled, bindings) {
      const ticket = device.run(compiled, bindings);
      counts.programsRun++;
      counts.kernelsRun += compiled.program.kernels.length;
      return ticket;
    },
    synchronize: () => device.synchronize(),
    memory: () => device.memory(),
    dispose: () => device.dispose(),
    // What the device does not offer, the wrapper must not seem to.
    ...(device.readNow && { readNow: device.readNow.bind(device) }),
    ...(device.claim && { claim: device.claim.bind(device) }),
    ...(device.profile && { profile: device.profile.bind(device) }),
  };
  return { device: counted, counts };
}
