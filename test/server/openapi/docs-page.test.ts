// The page to read and try the API, in a real browser.
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorTable } from '#src/errors.js';
import { hasBrowser, openPage, startBrowser } from '../../support/browser.js';
import { startTestServer, type TestServer } from '../../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close('stop', 10_000));

async function stylesheetUrl(): Promise<string> {
  const html = await (await fetch(`${server.url}/docs`)).text();
  return `${server.url}/${/href="(docs\/[^"]+css)"/.exec(html)?.[1]}`;
}

describe('the page’s files', () => {
  it('come from this server, the page with a policy that lets nothing else in', async () => {
    const page = await fetch(`${server.url}/docs`);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
    const html = await page.text();
    const assets = [...html.matchAll(/(?:src|href)="(docs\/[^"]+)"/g)].map(([, path]) => path);
    expect(assets).toHaveLength(5);
    for (const path of assets) {
      const res = await fetch(`${server.url}/${path}`);
      expect(res.status, path).toBe(200);
      // Ours may change while Swagger UI's version, which is in the path, stays.
      const ours = path?.endsWith('/start.js') || path?.endsWith('/page.css');
      expect(res.headers.get('cache-control'), path).toContain(ours ? 'no-cache' : 'immutable');
      await res.arrayBuffer();
    }
  });

  it.each([
    [{ Range: 'bytes=999999999-' }, 416, 'RANGE_NOT_SATISFIABLE'],
    [{ 'If-Match': '"x"' }, 412, 'PRECONDITION_FAILED'],
    [{ 'If-Unmodified-Since': 'Mon, 01 Jan 1990 00:00:00 GMT' }, 412, 'PRECONDITION_FAILED'],
  ] as const)(
    'asked for with %j are refused with %d, and that is not cached',
    async (headers, status, code) => {
      const url = await stylesheetUrl();
      const res = await fetch(url, { headers });
      expect(await res.json()).toMatchObject({
        status,
        code,
        detail: errorTable[code].when.replaceAll('`', ''),
      });
      expect(res.status).toBe(status);
      expect(res.headers.get('cache-control')).toBe('no-store');
      expect(res.headers.get('etag')).toBeNull();
      if (status === 416) expect(res.headers.get('content-range')).toMatch(/^bytes \*\/\d+$/);
      // The connection is of use for another one.
      expect((await fetch(url, { headers: { Range: 'bytes=0-9' } })).status).toBe(206);
    },
  );

  it('asked for with If-Match: * are there', async () => {
    expect((await fetch(await stylesheetUrl(), { headers: { 'If-Match': '*' } })).status).toBe(200);
  });

  it('and the description keep to If-Match', async () => {
    const url = `${server.url}/openapi.json`;
    const tag = (await fetch(url)).headers.get('etag') ?? '';
    const statusFor = async (ifMatch: string) =>
      (await fetch(url, { headers: { 'If-Match': ifMatch } })).status;
    expect([await statusFor(tag), await statusFor(`"x", ${tag}`), await statusFor('*')]).toEqual([
      200, 200, 200,
    ]);
    expect([await statusFor('"x"'), await statusFor(`W/${tag}`)]).toEqual([412, 412]);
  });

  it.each(['/docs/0.0.0/swagger-ui.css', '/docs/x', '/docs/', '/docs/..%2f..%2fpackage.json/start.js'])(
    'GET %s is NOT_FOUND',
    async (path) => {
      const res = await fetch(server.url + path);
      expect(await res.json()).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    },
  );
});

describe.skipIf(!hasBrowser)('the page in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  it('shows every task, tries a call, asks no other host and breaks no rule of its policy', async () => {
    const { page, complaints, requested } = await openPage(browser, `${server.url}/docs`);
    for (const id of ['hash.get', 'hash.verify.post', 'compute.post']) await operationOf(page, id).waitFor();
    const operation = operationOf(page, 'hash.post');
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Execute' }).click();
    await operation.locator('.live-responses-table .response-col_status').getByText('200').waitFor();
    const sha256OfAbc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(await operation.locator('.live-responses-table').innerText()).toContain(sha256OfAbc);
    if (process.env.SCREENSHOTS)
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/docs.png`, fullPage: true });

    expect(complaints).toEqual([]);
    expect(requested.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:'))).toEqual([]);
  });

  it('tries a GET form with the example that it shows', async () => {
    const { page, complaints } = await openPage(browser, `${server.url}/docs`);
    const operation = operationOf(page, 'compute.get');
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Execute' }).click();
    await operation.locator('.live-responses-table .response-col_status').getByText('200').waitFor();
    expect(await operation.locator('.live-responses-table').innerText()).toContain('78498');
    if (process.env.SCREENSHOTS)
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/docs-get.png`, fullPage: true });
    expect(complaints).toEqual([]);
  });

  it('takes the example of an operation along when another one is chosen, and nothing of the old one', async () => {
    const { page, complaints } = await openPage(browser, `${server.url}/docs`);
    const operation = operationOf(page, 'compute.get');
    await operation.locator('.opblock-summary-control').click();
    const field = (name: string) =>
      operation.locator(`tr[data-param-name="${name}"]`).locator('input, select');
    await expect.poll(() => field('limit').inputValue()).toBe('1000000');
    await field('operation').selectOption('pi');
    await expect.poll(() => field('digits').inputValue()).toBe('100');
    expect(await field('limit').inputValue()).toBe('');
    await operation.getByRole('button', { name: 'Execute' }).click();
    await operation.locator('.live-responses-table .response-col_status').getByText('200').waitFor();
    expect(await operation.locator('.request-url').innerText()).toContain('/compute/pi?digits=100');
    expect(complaints).toEqual([]);
  });

  it('calls what it describes from behind a proxy’s prefix', async () => {
    await using proxy = await startPrefixProxy('/api/v1', server.url);
    const { page, complaints, requested } = await openPage(browser, `${proxy.url}/docs`);
    const operation = operationOf(page, 'hash.post');
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Execute' }).click();
    await operation.locator('.live-responses-table .response-col_status').getByText('200').waitFor();
    expect(requested).toContain(`${proxy.url}/hash`);
    expect(complaints).toEqual([]);
  });

  it.each(['compute.get', 'hash.post'])('is no wider than a phone with %s opened and tried', async (id) => {
    const { page } = await openPage(browser, `${server.url}/docs`, {
      viewport: { width: 375, height: 740 },
    });
    const operation = operationOf(page, id);
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Execute' }).click();
    await operation.locator('.live-responses-table .response-col_status').getByText('200').waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375);
  });
});

/** Serves what is at `target` below a prefix, and nothing else. */
async function startPrefixProxy(
  prefix: string,
  target: string,
): Promise<AsyncDisposable & { readonly url: string }> {
  const proxy = createServer((req, res) => {
    const { url = '/', method, headers } = req;
    if (!url.startsWith(`${prefix}/`)) {
      res.writeHead(404).end();
      return;
    }
    const onward = httpRequest(target + url.slice(prefix.length), { method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    onward.on('error', () => res.destroy());
    req.pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${prefix}`,
    async [Symbol.asyncDispose]() {
      proxy.close();
      proxy.closeAllConnections();
      await once(proxy, 'close');
    },
  };
}

/** Swagger UI escapes ids as if they were selectors, and a selector must escape that in turn. */
function operationOf(page: Page, operationId: string): Locator {
  return page.locator(`[id="operations-CPU-${operationId.replaceAll('.', '\\\\.')}"]`);
}
