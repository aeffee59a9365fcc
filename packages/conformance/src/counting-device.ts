/**
 * A device that counts what passes through it: programs compiled and run, and the kernels of each run, with the functions they compute. It computes nothing;
 * every call goes to the device it wraps, so a count proves that a value came from a kernel.
 */
import {
  type Device,
  type Expression,
  isFloat,
  type Kernel,
  postorder,
  type Program,
  type ScalarFunction,
} from '@torchlet/device';

export interface DeviceCounts {
  programsCompiled: number;
  programsRun: number;
  kernelsRun: number;
  /** Products of matrices among them. */
  matmulsRun: number;
}

/** What programs hold. */
export interface Features {
  readonly functions: ReadonlySet<ScalarFunction>;
  /** Terms of the longest float sum or product of matrices. */
  readonly longestSum: number;
}

export interface CountingDevice {
  /** To be used in place of the device. */
  readonly device: Device;
  /** The counts so far. */
  readonly counts: Readonly<DeviceCounts>;
  /** What the programs hold that ran since the last call. */
  features(): Features;
}

/** Wraps `device`. Disposing the wrapper disposes the device. */
export function countingDevice(device: Device): CountingDevice {
  const counts: DeviceCounts = { programsCompiled: 0, programsRun: 0, kernelsRun: 0, matmulsRun: 0 };
  const ran = new Set<Program>();
  const known = new WeakMap<Program, Features>();
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
      ran.add(compiled.program);
      counts.programsRun++;
      counts.kernelsRun += compiled.program.kernels.length;
      counts.matmulsRun += compiled.program.kernels.filter(({ kind }) => kind === 'matmul').length;
      return ticket;
    },
    synchronize: () => device.synchronize(),
    memory: () => device.memory(),
    dispose: () => device.dispose(),
    // What the device does not offer, the wrapper must not seem to.
    ...(device.readNow && { readNow: device.readNow.bind(device) }),
    ...(device.claim && { claim: device.claim.bind(device) }),
    ...(device.collectGarbage && { collectGarbage: device.collectGarbage.bind(device) }),
    ...(device.lifetimes && { lifetimes: device.lifetimes }),
    ...(device.profile && { profile: device.profile.bind(device) }),
  };
  const features = (): Features => {
    const all = [...ran].map((program) => {
      const found = known.get(program) ?? featuresOf(program);
      known.set(program, found);
      return found;
    });
    ran.clear();
    return {
      functions: new Set(all.flatMap(({ functions }) => [...functions])),
      longestSum: Math.max(0, ...all.map(({ longestSum }) => longestSum)),
    };
  };
  return { device: counted, counts, features };
}

function featuresOf(program: Program): Features {
  const functions = new Set<ScalarFunction>();
  let longestSum = 0;
  for (const kernel of program.kernels) {
    for (const expression of postorder(rootsOf(kernel))) {
      if (expression.kind === 'apply' && isFloat(expression.dtype)) functions.add(expression.fn);
    }
    longestSum = Math.max(longestSum, termsOf(kernel));
  }
  return { functions, longestSum };
}

function rootsOf(kernel: Kernel): Expression[] {
  switch (kernel.kind) {
    case 'loop':
      return kernel.phases.flatMap(({ reductions, stores }) => [
        ...reductions.map(({ of }) => of),
        ...stores.map(({ value }) => value),
      ]);
    case 'matmul':
      return [kernel.a, kernel.b, ...kernel.stores.map(({ value }) => value)];
    case 'scatter':
      return [kernel.value];
    case 'custom':
      return [];
    default: {
      const never: never = kernel;
      return never;
    }
  }
}

function termsOf(kernel: Kernel): number {
  switch (kernel.kind) {
    case 'loop': {
      const sums = kernel.phases.filter(({ reductions }) =>
        reductions.some(({ combine, dtype }) => combine === 'sum' && isFloat(dtype)),
      );
      return Math.max(0, ...sums.map(({ lengths }) => lengths.reduce((size, length) => size * length, 1)));
    }
    case 'matmul':
      return isFloat(kernel.dtype) ? kernel.k : 0;
    case 'scatter':
      return kernel.axes[kernel.axis] ?? 0;
    case 'custom':
      return 0;
    default: {
      const never: never = kernel;
      return never;
    }
  }
}
