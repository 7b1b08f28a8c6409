// Pictures of every page, to be looked at: node test/shots.mjs FOLDER [part of a name]. Against CALLOUT_URL or the stand-in.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open, visit } from './browser.mjs';
import { startStub } from './stub.mjs';

const [folder = 'shots', only = ''] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const stub = process.env.CALLOUT_URL ? null : await startStub();
const base = process.env.CALLOUT_URL ?? stub.url;
const SHOTS = [
  ['start-demo', '/'], ['start', '/start'], ['room', '/incidents/INC-42'], ['incidents', '/incidents'], ['incidents-errors', '/preview/incidents-errors'],
  ['desk', '/contacts/new'], ['desk-errors', '/preview/contact-errors'], ['desk-logged', '/preview/contact-logged'],
  ['phone', '/p/7KQ4-M2'], ['phone-mine', '/preview/phone-mine'], ['phone-taken', '/preview/phone-taken'], ['wall', '/wall'], ['log', '/log'], ['outbox', '/outbox'], ['rota', '/rota'], ['sign-in', '/sign-in'], ['error', '/nowhere'],
];
const SIZES = { wide: { width: 1440, height: 900 }, low: { width: 1366, height: 768 }, phone: { width: 390, height: 844, scale: 2 }, tiny: { width: 320, height: 640 }, night: { width: 1440, height: 900, night: true } };
for (const [size, settings] of Object.entries(SIZES)) {
  const wanted = SHOTS.filter(([name]) => `${name}-${size}`.includes(only));
  if (wanted.length === 0) continue;
  const { page, close } = await open(base, settings);
  for (const [name, path] of wanted) {
    await visit(page, base + path);
    if (name === 'desk') await page.fill('#place', '349401,325322');
    await page.waitForTimeout(700);
    await page.screenshot({ path: join(folder, `${name}-${size}.png`), fullPage: !name.startsWith('desk') || settings.width < 1000 });
    if (page.faults.length) console.log(name, size, page.faults.splice(0));
  }
  await close();
}
stub?.stop();
