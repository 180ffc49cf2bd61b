import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import axe from 'axe-core';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { findProgram } from './programs.ts';

/** A microphone that beeps, no questions, no sandbox (tests run as root), media over loopback. */
const ARGUMENTS = [
  '--no-sandbox',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  '--allow-loopback-in-peer-connection',
  '--autoplay-policy=no-user-gesture-required',
];
const STEP_MS = 20_000;

/** What axe-core says of a page, as far as the tests look. */
interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string | null;
    readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[];
  }[];
}

/**
 * A headless Chromium of the system; it ends with the test.
 * @param options.trusts PEM file with a certificate that it takes whoever issued it
 */
export async function openBrowser(
  t: ExecutionContext,
  { trusts }: { readonly trusts?: string } = {},
): Promise<TestBrowser> {
  const args = trusts === undefined ? ARGUMENTS : [...ARGUMENTS, trusting(trusts)];
  const browser = await chromium.launch({ executablePath: findProgram('chromium')!, args });
  t.teardown(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(STEP_MS);
  return new TestBrowser(context);
}

function trusting(file: string): string {
  const spki = new X509Certificate(readFileSync(file)).publicKey.export({ type: 'spki', format: 'der' });
  return `--ignore-certificate-errors-spki-list=${createHash('sha256').update(spki).digest('base64')}`;
}

export class TestBrowser {
  /** Errors in scripts, and what the pages' policy forbade. */
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;

  constructor(context: BrowserContext) {
    this.#context = context;
  }

  async open(url: string): Promise<Page> {
    const page = await this.#context.newPage();
    page.on('pageerror', (error) => this.complaints.push(`${url}: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(`${url}: ${message.text()}`);
    });
    await page.goto(url);
    return page;
  }
}

/** The serious and critical faults that axe-core finds, one a line; none when it is good. */
export async function axeFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run(document)')) as AxeResult;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`),
    );
}
