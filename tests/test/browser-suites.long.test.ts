/** Every suite and every golden case on WebGPU in headless Chromium. */
import { chromiumTests, goldenTests, suiteTests } from '../chromium.js';

chromiumTests('WebGPU in Chromium', (page) => {
  suiteTests(page);
  goldenTests(page);
});
