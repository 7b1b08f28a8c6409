// Chromium for the tests: headless, with its own empty profile, and nothing that would look for the internet.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
export const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Opens one browser. Every page it gives keeps account of what went wrong in it: `page.faults`. */
export async function open(base, { width = 1440, height = 900, scale = 1, night = false, ...more } = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'callout-console-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: EXECUTABLE,
    headless: true,
    viewport: { width, height },
    deviceScaleFactor: scale,
    colorScheme: night ? 'dark' : 'light',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ...more,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(`error: ${error.message}`));
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && page.faults.push(`console: ${message.text()}`));
  page.on('request', (request) => new URL(request.url()).origin === new URL(base).origin || page.faults.push(`another origin: ${request.url()}`));
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { page, context, close };
}

/** What axe finds wrong, one line each. It is put in by the debugger, past the page's content policy. */
export async function axe(page) {
  const debug = await page.context().newCDPSession(page);
  await debug.send('Runtime.evaluate', { expression: AXE });
  await debug.detach();
  return page.evaluate(async (rules) => {
    const { violations } = await window.axe.run(document, { runOnly: rules });
    return violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id} (${rule.impact}): ${node.target.join(' ')}: ${node.failureSummary.replaceAll('\n', ' ')}`));
  }, RULES);
}

/** Goes to a page and waits until its map, if any, is drawn. */
export async function visit(page, url) {
  const answer = await page.goto(url, { waitUntil: 'load' });
  if (await page.$('#map')) await page.waitForSelector('html[data-map=ready]', { state: 'attached', timeout: 20_000 });
  return answer;
}
