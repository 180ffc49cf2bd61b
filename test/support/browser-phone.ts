import type { Page } from 'playwright-core';
import type { TestBrowser } from './browser.ts';
import type { GatewayProcess } from './gateway.ts';

/** The browser phone of a peer, used as its user does: by what is on the page. */
export class BrowserPhone {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  /** Opened at the peer's admin port, and registered there. */
  static async register(browser: TestBrowser, peer: GatewayProcess, user: string): Promise<BrowserPhone> {
    const page = await browser.open(`${peer.adminUrl}/phone/?user=${user}`);
    await page.fill('#password', 'secret');
    await page.click('#register');
    const phone = new BrowserPhone(page);
    await phone.#shows('#state', /^registered$/);
    return phone;
  }

  async call(who: string): Promise<void> {
    await this.page.fill('#target', who);
    await this.page.click('#call-button');
  }

  /** Waits for a call and answers it. */
  async answer(): Promise<void> {
    await this.page.click('#answer');
    await this.talks();
  }

  /** Waits for a call and declines it. */
  async decline(): Promise<void> {
    await this.page.waitForSelector('#answer:not([hidden])');
    await this.hangUp();
  }

  toggleMute(): Promise<void> {
    return this.page.click('#mute');
  }

  /** @returns whether the browser has sent it as a tone, and not as a digit to dial */
  async pressDigit(digit: string): Promise<boolean> {
    await this.page.evaluate(
      'window.tones = []; const insert = RTCDTMFSender.prototype.insertDTMF; RTCDTMFSender.prototype.insertDTMF = function (...tone) { window.tones.push(tone[0]); return insert.apply(this, tone); }',
    );
    await this.page.click(`#digits button:text-is("${digit}")`);
    return this.page.evaluate(`window.tones.includes('${digit}')`);
  }

  hangUp(): Promise<void> {
    return this.page.click('#hang-up');
  }

  talks(): Promise<void> {
    return this.#shows('#call-state', /^talking/);
  }

  /** Waits until there is no call. @returns how the last one ended, in the page's words */
  async isIdle(): Promise<string> {
    await this.page.waitForSelector('#call', { state: 'hidden' });
    return (await this.page.textContent('#last')) ?? '';
  }

  /** The highest that a level meter shows within some seconds; 1 is full scale, 0 is silence. */
  loudest(side: 'mine' | 'theirs', seconds: number): Promise<number> {
    return this.page.$eval(
      `#level-${side}`,
      async (meter, ms) => {
        let top = 0;
        for (
          const end = Date.now() + ms;
          Date.now() < end;
          await new Promise((next) => setTimeout(next, 50))
        ) {
          top = Math.max(top, (meter as unknown as { value: number }).value);
        }
        return top;
      },
      seconds * 1000,
    );
  }

  async #shows(selector: string, text: RegExp): Promise<void> {
    await this.page.locator(selector, { hasText: text }).waitFor();
  }
}
