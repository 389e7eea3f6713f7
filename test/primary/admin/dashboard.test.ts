// The dashboard in a real browser, on a real cluster.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdminCluster, nextEvent, startAdminCluster } from '../../support/admin.js';
import { hasBrowser, openPage, startBrowser } from '../../support/browser.js';

describe.skipIf(!hasBrowser)('the dashboard', () => {
  let cluster: AdminCluster;
  let browser: Browser;
  beforeAll(async () => {
    [cluster, browser] = await Promise.all([startAdminCluster(), startBrowser()]);
  });
  afterAll(async () => {
    await browser.close();
    await cluster.dispose();
  });

  async function load(requests: number): Promise<void> {
    for (let i = 0; i < requests; i++) {
      for (const path of ['/', '/compute/primes?limit=10000']) {
        await (await fetch(`${cluster.url}${path}`)).arrayBuffer();
      }
    }
  }

  const completed = (page: Page) =>
    page
      .locator('#tasks tr', { hasText: 'compute' })
      .locator('[data-label="completed"]')
      .textContent()
      .then((text) => Number(text?.replaceAll(',', '')));

  it('opens, and its numbers move under load', async () => {
    const { page, complaints, requested } = await openPage(browser, cluster.adminUrl);
    await page.locator('#state', { hasText: 'ready' }).waitFor();
    await page.locator('#servers tbody tr').nth(1).waitFor();
    const before = await completed(page);
    await load(30);
    await expect.poll(() => completed(page)).toBe(before + 30);
    await expect.poll(() => page.locator('#cpu').getAttribute('class')).not.toContain('is-empty');
    const compute = page.locator('#tasks tr', { hasText: 'compute' });
    await compute.locator('[data-label="thread p99"]', { hasText: /^[\d.]+ (µs|ms|s)$/ }).waitFor();
    const first = page.locator('#servers tbody tr').first();
    await first.locator('[data-label="memory"]', { hasText: /^\d+ MiB$/ }).waitFor();
    await first.locator('[data-label="CPU"]', { hasText: /^\d+ %$/ }).waitFor();
    await page.locator('[data-figure="load"]', { hasText: /^\d+\.\d\d$/ }).waitFor();
    expect(await page.locator('#servers tbody tr').count()).toBe(2);
    expect(await page.locator('canvas').count()).toBe(6);
    expect(requested.filter((url) => !url.startsWith(cluster.adminUrl))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('shows the jobs that failed, and has one tried again', async () => {
    const { page, complaints } = await openPage(browser, cluster.adminUrl);
    const input = '{"operation":"nqueens","n":14}';
    const type = { 'Content-Type': 'application/json' };
    const headers = { ...type, Prefer: 'respond-async', 'Request-Timeout': '0.05' };
    const accepted = await fetch(`${cluster.url}/compute`, { method: 'POST', headers, body: input });
    expect(accepted.status).toBe(202);
    const row = page.locator('#jobs tbody tr').first();
    await row.locator('[data-label="error"]', { hasText: /^DEADLINE_EXCEEDED: / }).waitFor();
    await row.getByRole('button').click();
    await page.locator('#notice', { hasText: 'The job waits again.' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('has axes that name each value once, also where nothing happens', async () => {
    const { page } = await openPage(browser, 'about:blank');
    await page.addInitScript(keepAxisTexts);
    await page.goto(cluster.adminUrl);
    await page.locator('#servers tbody tr').nth(1).waitFor();
    const axes: string[] = await page
      .locator('canvas')
      .evaluateAll((all) => all.map((one) => one.dataset.texts ?? ''));
    const numbers = axes.map((texts) => texts.split('|').filter((text) => /^[\d,]+$/.test(text)));
    const counted = numbers.filter((texts) => texts.length > 0);
    expect(counted.length, 'two of requests, two of the lane').toBe(4);
    for (const texts of counted) expect(texts).toEqual([...new Set(texts)]);
    for (const texts of counted) expect(texts.length).toBeGreaterThan(1);
  });

  it('shows a death, as it happens', async () => {
    const { page, complaints } = await openPage(browser, cluster.adminUrl);
    const pid = await page.locator('#servers tbody tr').first().locator('[data-label="pid"]').textContent();
    process.kill(Number(pid), 'SIGKILL');
    await page.locator('#events li[data-tone="bad"]', { hasText: `(SIGKILL), pid ${pid}` }).waitFor();
    await page
      .locator('#events li', { hasText: /is ready/ })
      .first()
      .waitFor();
    expect(complaints).toEqual([]);
  });

  it('reloads by keyboard, after a question', async () => {
    const { page, complaints } = await openPage(browser, cluster.adminUrl);
    await page.locator('#reload:enabled').focus();
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    expect(await page.locator('#notice').textContent()).toBe('');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#notice', { hasText: 'Reload started.' }).waitFor();
    await page.locator('#events li', { hasText: 'reload completed' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it.each([
    ['a phone', { viewport: { width: 360, height: 740 }, colorScheme: 'dark' as const }],
    ['a larger phone', { viewport: { width: 390, height: 844 }, colorScheme: 'light' as const }],
    ['a small window', { viewport: { width: 900, height: 700 }, colorScheme: 'light' as const }],
    ['half a screen', { viewport: { width: 1020, height: 700 }, colorScheme: 'light' as const }],
    ['a laptop', { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' as const }],
    ['a screen', { viewport: { width: 1440, height: 900 }, colorScheme: 'dark' as const }],
    ['just room for two columns', { viewport: { width: 1421, height: 900 }, colorScheme: 'dark' as const }],
  ])('fits %s, with no column out of sight', async (_title, options) => {
    const { page } = await openPage(browser, cluster.adminUrl, options);
    await page.locator('#servers tbody tr').first().waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
    const boxes = await page
      .locator('.scroll')
      .evaluateAll((all) => all.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth));
    expect(boxes).toEqual([0, 0, 0, 0]);
  });

  it('is to be read without eyes and scrolled without a mouse', async () => {
    const { page } = await openPage(browser, cluster.adminUrl);
    const events = page.getByRole('log', { name: 'Events' });
    await events.getByRole('list').getByRole('listitem').first().waitFor();
    for (const name of ['Table of server processes', 'Table of calls by task'])
      await page.getByRole('region', { name }).getByRole('table').waitFor();
    for (const box of await page.locator('.scroll:visible').all()) {
      await box.focus();
      expect(await box.evaluate((one) => one.ownerDocument.activeElement === one)).toBe(true);
    }
  });

  it.each([
    ['has looked', true],
    ['has not looked yet, perhaps', false],
  ])(
    'says that the server has gone, and for a while that another one is there, which %s',
    async (_title, looked) => {
      const first = await startAdminCluster({ WORKERS: '1' });
      const { page } = await openPage(browser, first.adminUrl);
      await page.clock.install();
      await page.locator('#state', { hasText: 'ready' }).waitFor();
      await first.stop();
      await page.locator('#state', { hasText: 'not connected' }).waitFor();
      const notice = page.locator('#notice');
      expect(await notice.textContent()).toContain('does not answer');

      if (looked) await page.context().setOffline(true);
      const { port } = new URL(first.adminUrl);
      await using second = await startAdminCluster({ WORKERS: '1', ADMIN_PORT: port });
      if (looked) {
        await nextEvent(second.adminUrl, ({ type }) => type === 'snapshot');
        await page.context().setOffline(false);
      }
      await page.locator('#state:text-is("ready")').waitFor();
      await page.locator('#pid', { hasText: String(second.pid) }).waitFor();
      expect(await notice.textContent()).toContain('The server was restarted');
      await page.clock.fastForward(15_000);
      expect(await notice.textContent()).toBe('');
      expect(await page.locator('#state').textContent()).toBe('ready');
    },
  );
});

/** Runs in the page: each canvas keeps the texts of its last drawing. */
const keepAxisTexts = `
  const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...area) {
    this.canvas.dataset.texts = '';
    return clearRect.apply(this, area);
  };
  CanvasRenderingContext2D.prototype.fillText = function (text, ...at) {
    this.canvas.dataset.texts += '|' + text;
    return fillText.call(this, text, ...at);
  };
`;
