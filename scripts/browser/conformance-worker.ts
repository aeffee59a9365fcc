/**
 * Conformance in a browser: golden cases that the server has, and the tests of every suite, on a device that is opened here. Owns what passes between this
 * worker and `conformance-page.ts`.
 */
import { conformanceSuites, type GroupResult, parseGoldenGroup, runGoldens, type Suite } from '@torchlet/conformance';
import { answer, fetched } from './answering.js';
import { openInBrowser } from './devices.js';

export interface GoldensJob {
  readonly device: string;
  readonly groups: readonly string[];
  readonly mutate: boolean;
}

/** One test of one suite, by their places in `conformanceSuites`. */
export interface SuiteTest {
  readonly device: string;
  readonly suite: number;
  readonly test: number;
}

const suitesOf = new Map<string, readonly Suite[]>();

/** The suites share a device each, so they are the same ones from test to test. */
function suites(device: string): readonly Suite[] {
  const known = suitesOf.get(device);
  if (known !== undefined) return known;
  const made = conformanceSuites({ name: device, open: () => openInBrowser(device) });
  suitesOf.set(device, made);
  return made;
}

answer({
  /** Says nothing; rejects with the reason where there is no such device. */
  open: async (device: string) => {
    (await openInBrowser(device)).dispose();
  },

  goldens: async ({ device: name, groups, mutate }: GoldensJob): Promise<GroupResult[]> => {
    const device = await openInBrowser(name);
    const digits = async () => {
      const [images, labels] = await Promise.all([fetched('/digits/images'), fetched('/digits/labels')]);
      return { images: new Uint8Array(images), labels: new Uint8Array(labels) };
    };
    const results: GroupResult[] = [];
    for (const group of groups) {
      const [manifest, tensors] = await Promise.all([
        fetched(`/goldens/${group}.json`),
        fetched(`/goldens/${group}.safetensors`),
      ]);
      const parsed = parseGoldenGroup(new TextDecoder().decode(manifest), new Uint8Array(tensors), group);
      results.push(...(await runGoldens(device, [parsed], { mutate, digits })));
    }
    await device.synchronize();
    device.dispose();
    return results;
  },

  test: async ({ device, suite, test }: SuiteTest) => {
    await suites(device)[suite]?.tests[test]?.run();
  },

  closeSuite: async ({ device, suite }: SuiteTest) => {
    await suites(device)[suite]?.close();
  },
});
