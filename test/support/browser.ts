import { existsSync } from 'node:fs';
import { type Page, chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

/** A test in a real browser, where there is one. */
export function inBrowser(name: string, test: (page: Page) => Promise<void>): void {
  if (!existsSync(CHROMIUM)) {
    process.stderr.write(`Skipped: ${name}, as there is no ${CHROMIUM}.\n`);
    it.skip(name, () => undefined);
    return;
  }
  it(name, async () => {
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    try {
      await test(await browser.newPage());
    } finally {
      await browser.close();
    }
  });
}
