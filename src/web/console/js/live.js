// Keeps a page true while it is open. The server says that something changed (`event: changed`, with ids), the page
// fetches itself again and takes over what differs, without touching what somebody is typing in or has opened.
//
// A page that cannot hear is worse than no page, so silence is shown: the server sends `event: beat` at least every
// 10 s, and after 30 s without either the bar says since when, and the page asks by itself until it hears again.

import { Idiomorph } from 'idiomorph/dist/idiomorph.esm.js';
import { serverNow, setClock, wallClock } from './clock.js';

const SILENT_MS = 30_000;
const POLL_MS = 10_000;
const AGE_MS = 60_000; // ages and "in 3 min" go stale although nothing changed
const APART_MS = 1_000; // between two fetches
const SPOKEN_MS = 30_000; // between two announcements to a screen reader
const PARTS = ['strip', 'troubles', 'main-content'];

const $ = (id) => document.getElementById(id);
const touched = new WeakSet();
let heardAt = performance.now();
let heardTime = 0;
let silent = false;

export function startLive() {
  const watch = document.body.dataset.watch ?? '';
  if (!watch) return;
  const parts = watch === 'strip' ? ['strip', 'troubles'] : PARTS;
  const refresh = refresher(parts);
  document.addEventListener('input', (event) => event.target.form && touched.add(event.target.form));
  document.addEventListener('visibilitychange', () => document.hidden || refresh());

  listen((kind, ids) => {
    heardAt = performance.now();
    heardTime = serverNow();
    const was = silent;
    setSilent(false);
    if (was || (kind === 'changed' && concerns(watch, ids))) refresh();
  });
  heardTime = serverNow();
  let asked = performance.now();
  setInterval(() => {
    const now = performance.now();
    if (now - heardAt >= SILENT_MS) setSilent(true);
    if (now - asked >= (silent ? POLL_MS : AGE_MS)) {
      asked = now;
      refresh();
    }
  }, 1_000);
}

/** Whether a change of these ids is one this page shows. Without ids, it may be. */
function concerns(watch, ids) {
  return watch === '*' || watch === 'strip' || ids.length === 0 || ids.includes(watch);
}

function setSilent(now) {
  const bar = $('not-live');
  const state = $('live-state');
  if (state) state.hidden = now;
  if (bar && now && !silent) bar.textContent = `Not live since ${wallClock(heardTime)}. Trying again.`;
  if (bar) bar.hidden = !now;
  silent = now;
}

/** Hears the server. One connection serves all tabs of a browser, since a browser allows six per site. */
function listen(heard) {
  const channel = 'BroadcastChannel' in window ? new BroadcastChannel('callout-live') : null;
  let source = null;
  const tell = (kind, data) => {
    const ids = String(data ?? '').match(/[A-Z]+-\d+/g) ?? [];
    heard(kind, ids);
    channel?.postMessage({ kind, ids });
  };
  const open = () => {
    source?.close();
    source = new EventSource('/live');
    source.addEventListener('open', () => tell('beat'));
    source.addEventListener('beat', () => tell('beat'));
    source.addEventListener('changed', (event) => tell('changed', event.data));
  };
  channel?.addEventListener('message', ({ data }) => heard(data.kind, data.ids));
  if (channel && navigator.locks) navigator.locks.request('callout-live', () => new Promise(open));
  else open();
  // A refused connection stays closed, and a tab that listens for the others may be asleep: so a silent tab opens its own.
  setInterval(() => silent && (source === null || source.readyState === EventSource.CLOSED) && open(), POLL_MS);
  addEventListener('pagehide', () => source?.close());
  addEventListener('pageshow', (event) => event.persisted && source && open());
}

/** A function that fetches the page again and takes over what differs; calls close together become one. */
function refresher(parts) {
  let busy = false;
  let again = false;
  const run = async () => {
    if (document.hidden) return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    // A fetch that fails changes nothing: the bar says that we are not live, and we go on asking.
    const answer = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store' }).catch(() => null);
    const text = answer?.ok && !answer.redirected ? await answer.text().catch(() => '') : '';
    if (text) take(new DOMParser().parseFromString(text, 'text/html'), parts);
    setTimeout(() => {
      busy = false;
      if (again) {
        again = false;
        run();
      }
    }, APART_MS);
  };
  return run;
}

function take(fresh, parts) {
  setClock(fresh.documentElement, fresh.getElementById('clock'));
  const before = new Set([...document.querySelectorAll('#timeline > li, #outbox > li')].map((item) => item.id));
  for (const id of parts) {
    const [old, next] = [$(id), fresh.getElementById(id)];
    if (old && next) Idiomorph.morph(old, next, { morphStyle: 'outerHTML', ignoreActiveValue: true, callbacks: MORPH });
  }
  document.dispatchEvent(new Event('callout:fresh'));
  const added = [...document.querySelectorAll('#timeline > li, #outbox > li')].filter((item) => !before.has(item.id)).length;
  if (added) say(added);
}

/** Drawings keep themselves up to date; a form that somebody is in, or has typed in, is theirs. */
function mayChange(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return true;
  if ('keep' in node.dataset) return false;
  return !(node instanceof HTMLFormElement && (touched.has(node) || node.contains(document.activeElement)));
}

/** What somebody has opened stays open. */
function mayUpdate(name, node) {
  return !(name === 'open' && node instanceof HTMLDetailsElement);
}

const MORPH = { beforeNodeMorphed: mayChange, beforeNodeRemoved: mayChange, beforeAttributeUpdated: mayUpdate };

let spoken = -SPOKEN_MS;
let unspoken = 0;
let waiting = 0;

/** Says how much is new, at most every 30 s, never line by line. */
function say(added) {
  unspoken += added;
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    spoken = performance.now();
    $('said').textContent = unspoken === 1 ? '1 new entry' : `${unspoken} new entries`;
    unspoken = 0;
  }, Math.max(0, spoken + SPOKEN_MS - performance.now()));
}
