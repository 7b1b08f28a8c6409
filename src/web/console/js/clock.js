// The daemon's clock, ticking on the page. In the demo it runs faster than ours, so nothing here asks the computer what
// time it is: it counts from what the server said.

let base = 0;
let seen = 0;
let speed = 1;
let offset = 0;

const DAY_S = 86_400;
const two = (n) => String(n).padStart(2, '0');

/** Unix milliseconds by the daemon's clock, now. */
export const serverNow = () => base + (performance.now() - seen) * speed;

/** Takes the time that a page said: `data-now` and `data-speed` of its root element, and its clock's text. */
export function setClock(root, clock) {
  base = Date.parse(root.dataset.now);
  seen = performance.now();
  speed = Number(root.dataset.speed) || 1;
  if (!clock) return;
  // The zone is the council's, not this computer's: it is the difference between the clock's text and its UTC.
  const [h, m, s = 0] = clock.textContent.split(':').map(Number);
  const utc = Math.floor(Date.parse(clock.dateTime) / 1000) % DAY_S;
  offset = (h * 3600 + m * 60 + s - utc + 2 * DAY_S) % DAY_S;
}

/** `hh:mm:ss` in the council's zone. */
export function wallClock(ms) {
  const t = (Math.floor(ms / 1000) + offset) % DAY_S;
  return `${two(Math.floor(t / 3600))}:${two(Math.floor(t / 60) % 60)}:${two(t % 60)}`;
}

let ticking = 0;

/** Lets the clock of the bar tick. */
export function startClock() {
  clearInterval(ticking);
  const clock = document.getElementById('clock');
  setClock(document.documentElement, clock);
  if (!clock) return;
  ticking = setInterval(() => {
    const text = wallClock(serverNow());
    if (clock.textContent !== text) clock.textContent = text;
  }, 250);
}
