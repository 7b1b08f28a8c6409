// The console's entry: what every page has, then only what this page needs.

import { startClock } from './clock.js';
import { startLive } from './live.js';
import { startTheme } from './theme.js';

document.documentElement.classList.add('js');
startClock();
startTheme();
startLive();

// An error summary takes the focus, so that a screen reader begins with it.
document.getElementById('problems')?.focus();

// A drop-down panel closes with Escape, and gives the focus back.
document.addEventListener('keydown', (event) => {
  const open = event.key === 'Escape' && event.target.closest?.('details.drop[open]');
  if (!open) return;
  open.open = false;
  open.querySelector('summary').focus();
});

const failed = (what) => (error) => console.warn(`${what} could not be loaded; its numbers are on the page as text`, error);
const chart = document.getElementById('chart');
if (chart) import('./chart.js').then(({ startChart }) => startChart(chart)).catch(failed('chart'));

const form = document.getElementById('call');
const desk = form && import('./desk.js').then(({ startDesk }) => startDesk(form));
const box = document.getElementById('map');
if (box) {
  Promise.all([import('./map.js'), desk])
    .then(([{ startMap }, calls]) => {
      const map = startMap(box, calls?.picked);
      calls?.showOn(map);
    })
    .catch(failed('map'));
}

// F1: the keys. The browser's own help is of no use here.
const help = document.getElementById('help');
document.addEventListener('keydown', (event) => {
  if (event.key !== 'F1' || !help) return;
  event.preventDefault();
  if (help.open) help.close();
  else help.showModal();
});
