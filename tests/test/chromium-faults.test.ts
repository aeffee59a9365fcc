/** A browser that gives a page no device, or takes it away while the page trains: Chromium's GPU process crashes. The page itself is `lost-device-page.ts`. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../scripts/browser/chromium.js';
import { whyNoChromium } from '../chromium.js';
import type { LostDevicePage } from '../lost-device-page.js';

declare const lostDevice: LostDevicePage;

const missing = whyNoChromium();
/** A name of this machine that is not localhost: its pages are no secure context. */
const insecure = 'insecure.test';

describe.skipIf(missing !== '')(`WebGPU in Chromium, lost${missing}`, () => {
  let server: Server;
  let browser: Browser;

  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: [join(import.meta.dirname, '..', 'lost-device-page.ts')],
      bundle: true,
      write: false,
      format: 'iife',
      conditions: ['@torchlet/source'],
      logLevel: 'silent',
    });
    const script = outputFiles[0]?.text ?? '';
    server = createServer((request, response) => {
      const [type, body] =
        request.url === '/page.js' ? ['text/javascript', script] : ['text/html', '<script src="/page.js"></script>'];
      response.setHeader('content-type', type as string).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    browser = await launchChromium([`--host-resolver-rules=MAP ${insecure} 127.0.0.1`]);
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  const opened = async (host: string): Promise<Page> => {
    const page = await browser.newPage();
    await page.goto(`http://${host}:${(server.address() as AddressInfo).port}/`);
    return page;
  };

  it('a page that is no secure context says so, and one that is has a device', async () => {
    const outside = await opened(insecure);
    expect(await outside.evaluate(() => lostDevice.whyNot())).toMatch(
      /no navigator\.gpu, because the page is not a secure context: serve it over https, or from localhost/,
    );
    const inside = await opened('localhost');
    expect(await inside.evaluate(() => lostDevice.whyNot())).toBe(null);
  });

  it('training survives a crash of the GPU process: it is told, and goes on from its checkpoint', async () => {
    const page = await opened('localhost');
    const reported = page.evaluate(() => lostDevice.report());
    await page.waitForFunction(() => lostDevice.steps > 5);
    const session = await browser.newBrowserCDPSession();
    await session.send('Browser.crashGpuProcess').catch(() => undefined);
    const report = await reported;
    expect(report).toMatchObject({ sticky: true, program: expect.any(String), unhandled: [] });
    expect(report.message).toMatch(
      /lost while or after program .* \(kernels? .*\) ran: lost: .*from the last checkpoint/,
    );
    expect(report.continued).toEqual(report.expected);
  });
});
