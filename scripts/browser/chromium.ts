/**
 * The browser that pages are driven in: headless Chromium. Owns finding it and the flags with which it has WebGPU without a graphics card.
 */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { NoChromiumError } from './no-chromium.js';

export { NoChromiumError };

const usualPaths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const flags = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Without a graphics card, WebGPU is emulated only for those who ask.
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];

/** @throws NoChromiumError with the reason. */
export function chromiumPath(): string {
  const told = process.env['TORCHLET_CHROMIUM'];
  const candidates = told === undefined || told === '' ? usualPaths : [told];
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined) {
    throw new NoChromiumError(
      `no Chromium: none at ${candidates.join(', ')}; install one (apt-get install chromium), or set TORCHLET_CHROMIUM to its path`,
    );
  }
  return found;
}

/**
 * @param more flags beside those of every run.
 * @throws NoChromiumError if there is none.
 */
export function launchChromium(more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), args: [...flags, ...more] });
}
