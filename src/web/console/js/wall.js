// Keeps the wall true: it asks every 5 s, and after 30 s without an answer the wall says so across its whole width.

import { serverNow, setClock, startClock, wallClock } from './clock.js';

const ASK_MS = 5_000;
const SILENT_MS = 30_000;

startClock();
let heardAt = performance.now();
let heardTime = serverNow();
const bar = document.getElementById('not-live');

async function ask() {
  const answer = await fetch(location.href, { cache: 'no-store', redirect: 'manual', signal: AbortSignal.timeout(ASK_MS) }).catch(() => null);
  const text = answer?.ok ? await answer.text().catch(() => '') : '';
  const fresh = text && new DOMParser().parseFromString(text, 'text/html');
  const main = fresh && fresh.getElementById('main-content');
  if (main) {
    heardAt = performance.now();
    setClock(fresh.documentElement, fresh.getElementById('clock'));
    heardTime = serverNow();
    document.getElementById('main-content').replaceWith(document.adoptNode(main));
    startClock();
  }
  const silent = performance.now() - heardAt >= SILENT_MS;
  if (silent && bar.hidden) bar.textContent = `NOT LIVE since ${wallClock(heardTime)}`;
  bar.hidden = !silent;
}
setInterval(ask, ASK_MS);
