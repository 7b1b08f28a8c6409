// The console in a real browser. Against a running callout: CALLOUT_URL=http://127.0.0.1:8080, with CALLOUT_COOKIE=name=value
// of a signed-in person and CALLOUT_PHONE=/p/TOKEN of a page that nobody has taken yet; a demo gives both by itself.
// Without CALLOUT_URL: against the stand-in and the previews, where they are built.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { EXECUTABLE, axe, open, visit } from './browser.mjs';
import { havePreviews, startStub } from './stub.mjs';

const real = process.env.CALLOUT_URL?.replace(/\/$/, '');
const missing = !existsSync(EXECUTABLE) ? `no browser at ${EXECUTABLE}` : !real && !havePreviews() ? 'no CALLOUT_URL, and no previews: CALLOUT_PREVIEW=1 cargo test --lib web::pages' : '';
if (missing) console.log(`skipped: ${missing}`);

let stub;
let base = real;
let rooms = [];
let waiting = '';
const phone = () => process.env.CALLOUT_PHONE ?? waiting;
const options = (timeout = 120_000) => ({ skip: missing || false, timeout });
const stubOnly = () => ({ ...options(), skip: missing || (real ? 'needs the stand-in' : false) });

async function browser(settings = {}) {
  const opened = await open(base, settings);
  if (process.env.CALLOUT_COOKIE) {
    const [name, ...value] = process.env.CALLOUT_COOKIE.split('=');
    await opened.context.addCookies([{ name, value: value.join('='), url: base }]);
  } else if (real) await becomeSomebody(opened.page);
  return opened;
}

/** A demo lets anybody be one of its people with one press; the first listed will do. */
async function becomeSomebody(page) {
  await page.goto(`${base}/sign-in`);
  const somebody = page.locator('button[name=demo_user]').first();
  if (await somebody.count()) await Promise.all([page.waitForNavigation(), somebody.click()]);
}

/**
 * A page that waits for its answer at this moment. Those of the demo's evening are soon taken by its own people, so the
 * demo's duty officer, who never answers by herself, is sent a test page; it waits for 15 minutes of the demo's clock.
 */
async function asked() {
  if (!real || process.env.CALLOUT_PHONE) return phone();
  const { page, close } = await open(base, {});
  await page.goto(`${base}/sign-in`);
  const officer = page.locator('button[name=demo_user][value="priya.nair"]');
  if (await officer.count()) await Promise.all([page.waitForNavigation(), officer.click()]);
  await page.goto(`${base}/incidents`);
  const status = await page.evaluate(async () => {
    const headers = { 'content-type': 'application/json', 'x-csrf-token': document.querySelector('input[name=csrf]').value };
    const sent = await fetch('/api/v1/pages/test', { method: 'POST', headers, body: JSON.stringify({ person: 'priya.nair' }) });
    return sent.status;
  });
  assert.equal(status, 201, 'a test page is sent');
  let link = '';
  for (let tries = 0; tries < 20 && !link; tries += 1) link = await unanswered(page);
  await close();
  assert.ok(link, 'a page is waiting');
  return link;
}

/** A phone page out of a demo's outbox that nobody has answered yet; empty where there is none. */
async function unanswered(page) {
  await page.goto(`${base}/outbox`);
  const links = await page.$$eval('.handset__link a', (all) => all.map((link) => link.getAttribute('href')));
  for (const link of new Set(links)) {
    await page.goto(base + link);
    if (await page.$('#ack')) return link;
  }
  return '';
}

before(async () => {
  if (missing) return;
  if (!real) {
    stub = await startStub();
    base = stub.url;
  }
  const { page, close } = await browser();
  waiting = real ? await unanswered(page) : '/p/7KQ4-M2';
  await visit(page, `${base}/incidents`);
  rooms = await page.$$eval('a[href^="/incidents/INC-"]', (links) => links.map((link) => link.getAttribute('href')));
  await close();
});
after(() => stub?.stop());

const pages = () => {
  const own = ['/', '/contacts/new', '/incidents', ...rooms.slice(0, 1), '/rota', '/wall', '/log', '/outbox', '/sign-in', '/no-such-page'];
  const previews = ['contact-logged', 'contact-errors', 'incidents-errors', 'phone-mine', 'phone-taken', 'phone-declined', 'error-400', 'error-500', 'error-503', 'start'];
  return [...own, ...(phone() ? [phone()] : []), ...(real ? [] : previews.map((name) => `/preview/${name}`))];
};
// A page that answers 404 says so on the browser's console; that is no fault of the page.
const faults = (page) => page.faults.filter((fault) => !fault.includes('status of 404') && !fault.includes('status of 400'));

for (const night of [false, true]) {
  test(`every page passes axe and keeps the content policy${night ? ' at night' : ''}`, options(300_000), async () => {
    const { page, close } = await browser({ night });
    const found = [];
    for (const path of pages()) {
      await visit(page, base + path);
      found.push(...(await axe(page)).map((line) => `${path}: ${line}`));
      found.push(...faults(page).map((fault) => `${path}: ${fault}`));
      page.faults.length = 0;
    }
    await close();
    assert.deepEqual(found, []);
  });
}

test('no page scrolls sideways at 320 px', options(180_000), async () => {
  const { page, close } = await browser({ width: 320, height: 640 });
  const wide = [];
  for (const path of pages()) {
    await visit(page, base + path);
    const over = await page.evaluate(() => {
      if (document.documentElement.scrollWidth <= innerWidth) return [];
      return [...document.querySelectorAll('body *')].filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest('.scroll, .map')).map((each) => `${each.tagName}.${each.className}`).slice(0, 5);
    });
    if (over.length) wide.push(`${path}: ${over}`);
  }
  await close();
  assert.deepEqual(wide, []);
});

test('the contact form needs no scrolling at 1366x768, and its button is in view', options(), async () => {
  const { page, close } = await browser({ width: 1366, height: 768 });
  await visit(page, `${base}/contacts/new`);
  const size = await page.evaluate(() => ({ page: document.documentElement.scrollHeight, button: document.getElementById('log-it').getBoundingClientRect().bottom }));
  await close();
  assert.ok(size.page <= 768, `the page is ${size.page} px high`);
  assert.ok(size.button <= 768, `the button ends at ${size.button} px`);
});

test('the phone page has its button on the first screen, big enough for a thumb, and weighs little', options(), async () => {
  stub?.reset();
  const { page, close } = await browser({ width: 375, height: 667, scale: 2, isMobile: true, hasTouch: true });
  let bytes = 0;
  const counted = [];
  page.on('requestfinished', (request) => counted.push(request.sizes().then((sizes) => (bytes += sizes.responseBodySize))));
  const answer = await visit(page, base + (await asked()));
  await Promise.all(counted);
  const button = await page.$eval('#ack', (each) => each.getBoundingClientRect().toJSON());
  const policy = answer.headers()['referrer-policy'];
  await close();
  assert.ok(button.bottom <= 667, `the button ends at ${button.bottom} px`);
  assert.ok(button.height >= 60, `the button is ${button.height} px high`);
  assert.ok(bytes > 0 && bytes <= 60_000, `${bytes} bytes were sent`);
  assert.equal(policy, 'no-referrer');
});

test('what happened elsewhere arrives on an open room, and nothing typed or opened is lost', stubOnly(), async () => {
  const { page, close } = await browser();
  await visit(page, base + rooms[0]);
  await page.fill('#entry-text', 'half a sentence');
  await page.click('#chart-numbers summary');
  await page.focus('#entry-text');
  await page.waitForFunction(() => !document.getElementById('live-state').hidden && performance.now() > 500);
  stub.changed('Pump at Tanners Row');
  await page.waitForSelector('text=Pump at Tanners Row', { timeout: 15_000 });
  assert.equal(await page.inputValue('#entry-text'), 'half a sentence');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'entry-text');
  assert.equal(await page.$eval('#chart-numbers', (details) => details.open), true);
  assert.ok(await page.$('#chart canvas'), 'the chart is still drawn');
  assert.deepEqual(page.faults, []);
  await close();
});

test('a page that hears nothing for 30 s says since when, and says no more once it hears again', stubOnly(), async () => {
  const { page, close } = await browser();
  await page.clock.install();
  await visit(page, base + rooms[0]);
  await page.waitForFunction(() => !document.getElementById('live-state').hidden);
  stub.mute(true);
  await page.waitForTimeout(200);
  await page.clock.fastForward(32_000);
  await page.waitForSelector('#not-live:not([hidden])', { timeout: 5_000 });
  assert.match(await page.textContent('#not-live'), /^Not live since \d\d:\d\d:\d\d\. Trying again\.$/);
  stub.mute(false);
  await page.waitForSelector('#not-live', { state: 'hidden', timeout: 10_000 });
  await close();
});

// Keystroke-level model: 0.28 s a key, 1.35 s to think before topic, place and end (Card, Moran and Newell).
const modelled = (keys) => (keys * 0.28 + 3 * 1.35).toFixed(1);

test('a call is logged in ten keys by type-ahead and in seven with a topic on a key', options(), async () => {
  const { page, close } = await browser();
  if (stub) stub.seen.length = 0;
  const runs = [
    ['type-ahead', ['f', 'l', 'o', 'Enter', 'm', 'i', 'l', 'l', 'Enter', 'Enter'], 10],
    ['topic on a key', ['Alt+Digit1', 'm', 'i', 'l', 'l', 'Enter', 'Control+Enter'], 7],
  ];
  await visit(page, `${base}/contacts/new`);
  await page.waitForSelector('#hot:not([hidden])');
  for (const [name, keys, n] of runs) {
    assert.equal(keys.length, n);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'topic');
    const before = await page.evaluate(() => document.documentElement.dataset.logged ?? '');
    const began = Date.now();
    for (const key of keys) await page.keyboard.press(key);
    await page.waitForFunction((was) => (document.documentElement.dataset.logged ?? '') !== was, before, { timeout: 10_000 });
    console.log(`keys: ${name}: ${n} keys, keystroke-level model ${modelled(n)} s, the machine's part ${Date.now() - began} ms`);
    assert.match(await page.textContent('#logged'), /C-\d+/);
    assert.equal(await page.inputValue('#topic'), '', 'the form is empty for the next call');
  }
  if (stub) {
    const forms = stub.seen.filter(({ path }) => path === '/contacts').map(({ form }) => form);
    assert.deepEqual(forms.map((form) => form.get('topic')), ['Flooding: water near a property', 'Flooding: water near a property']);
    assert.deepEqual(forms.map((form) => form.get('place')), ['Mill Street, outside number 14', 'Mill Street, outside number 14']);
    assert.notEqual(forms[0].get('key'), forms[1].get('key'), 'each call has its own key');
    assert.ok(Number(forms[0].get('started_ms')) > 0);
  }
  assert.deepEqual(page.faults, []);
  await close();
});

test('a call logged by mistake is taken back with one key, and danger to life is one key too', stubOnly(), async () => {
  const { page, close } = await browser();
  stub.seen.length = 0;
  await visit(page, `${base}/contacts/new`);
  await page.waitForSelector('#hot:not([hidden])');
  await page.keyboard.press('Alt+Digit4');
  await page.keyboard.press('Alt+KeyX');
  assert.equal(await page.isChecked('#danger'), true);
  await page.keyboard.press('Control+Enter');
  await page.waitForSelector('#undo');
  assert.equal(await page.isChecked('#danger'), false, 'the next call begins without it');
  await page.keyboard.press('Alt+KeyZ');
  await page.waitForSelector('#logged >> text=Taken back');
  assert.deepEqual(stub.seen.map(({ path }) => path), ['/contacts', '/contacts/C-20418/undo']);
  assert.equal(stub.seen[0].form.get('danger'), '1');
  await close();
});

test('whoever rang before is known by the number, with the promise that was missed', stubOnly(), async () => {
  const { page, close } = await browser();
  await visit(page, `${base}/contacts/new#phone=07700900417`);
  await page.waitForSelector('#repeats:not([hidden])');
  assert.match(await page.textContent('#repeats'), /C-1001 Flooding, 25 min ago PROMISE MISSED/);
  assert.equal(new URL(page.url()).hash, '', 'the number does not stay in the address');
  await close();
});

test('callout gone and back: the banner says so, calls go on and wait, and nothing typed is lost', stubOnly(), async () => {
  const { page, close } = await browser();
  stub.seen.length = 0;
  await visit(page, `${base}/contacts/new`);
  await page.waitForSelector('#hot:not([hidden])');
  stub.down(true);
  for (const topic of ['Alt+Digit1', 'Alt+Digit4']) {
    await page.keyboard.press(topic);
    await page.keyboard.type('3494');
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('#logged >> text=Kept');
    await page.waitForFunction(() => document.activeElement.id === 'topic');
  }
  assert.match(await page.textContent('#waiting'), /2 calls are waiting to be sent\. Nothing is lost/);
  await page.reload();
  await page.waitForSelector('#waiting >> text=2 calls are waiting');
  await page.fill('#note', 'half a sentence');
  await page.reload();
  await page.waitForFunction(() => document.getElementById('note').value === 'half a sentence');
  const before = new Set(stub.seen.map(({ form }) => form.get('key')));
  stub.down(false);
  stub.seen.length = 0;
  await page.waitForSelector('#waiting', { state: 'hidden', timeout: 20_000 });
  const sent = stub.seen.filter(({ path }) => path === '/contacts');
  assert.equal(sent.length, 2, 'each went out once');
  assert.ok(sent.every(({ form }) => before.has(form.get('key')) && form.get('taken_at')), 'under its own key, with the time it was taken');
  assert.equal(await page.evaluate(() => localStorage.length), 0, 'nothing of it is left in the browser');
  await close();
});

test('a press on the map fills in the place', stubOnly(), async () => {
  const { page, close } = await browser();
  await visit(page, `${base}/contacts/new`);
  await page.focus('#map');
  await page.keyboard.press('Enter');
  assert.match(await page.inputValue('#place'), /^349\d{3},325\d{3}$/);
  await page.waitForSelector('#owner dl');
  await close();
});

test('without scripts the numbers, the forms and the answer about the land are all there', stubOnly(), async () => {
  const { page, close } = await browser({ javaScriptEnabled: false });
  await page.goto(base + rooms[0]);
  assert.equal(await page.$$eval('#chart-table tbody tr', (rows) => rows.length), 37);
  assert.ok(await page.isVisible('#chart svg'));
  assert.ok(await page.isVisible('#entry-text'));
  await page.goto(`${base}/contacts/new`);
  assert.ok(await page.isVisible('button[value=find]'));
  assert.equal(await page.isVisible('#map'), false);
  await close();
});

// Last, since against a real callout it takes the page for good.
test('a page is acknowledged without any script, and looking at it changes nothing', options(), async () => {
  stub?.reset();
  const { page, close } = await browser({ width: 390, height: 844, javaScriptEnabled: false });
  const link = await asked();
  await page.goto(base + link);
  await page.goto(base + link);
  assert.ok(await page.isVisible('#ack'), 'still open after being looked at twice');
  await Promise.all([page.waitForNavigation(), page.click('#ack')]);
  assert.match(await page.textContent('main'), /You have it/);
  await close();
});
