/** Asks for cards through what the package exports, and prints what it is told as JSON. */
import { cuda } from '../../src/index.js';

const index = Number(process.argv[2] ?? 0);
const memoryBytes = process.argv[3] === undefined ? {} : { memoryBytes: Number(process.argv[3]) };

const told: Record<string, unknown> = { available: cuda.isAvailable(), count: cuda.deviceCount() };
try {
  const device = await cuda({ index, ...memoryBytes });
  const { card, driver, computeCapability, freeBytes, memoryBytes: total, wgmma } = device.info();
  Object.assign(told, {
    name: device.name,
    index: device.info().index,
    card,
    driver,
    computeCapability,
    freeBytes,
    total,
    wgmma,
  });
  try {
    device.free(device.allocate(2 ** 20, 'x'));
    for (let i = 0; ; i++) device.allocate(2 ** 24, `large ${i}`);
  } catch (error) {
    Object.assign(told, { full: (error as Error).message, kind: (error as Error).name });
  }
  device.dispose();
} catch (error) {
  Object.assign(told, { reason: (error as Error).message });
}
console.log(JSON.stringify(told));
