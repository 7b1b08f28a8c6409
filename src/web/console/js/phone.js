// The phone page works without this. With it the clock runs down, and the page notices when somebody else has it.

import { serverNow, startClock } from './clock.js';

const ASK_MS = 15_000;

startClock();
const countdown = document.getElementById('countdown');
if (countdown) {
  const until = Date.parse(countdown.dataset.until);
  const show = () => {
    const s = Math.max(0, Math.round((until - serverNow()) / 1000));
    countdown.textContent = s === 0 ? ' (now)' : ` (in ${s >= 60 ? `${Math.floor(s / 60)} min ` : ''}${s % 60} s)`;
  };
  show();
  setInterval(show, 500);
}

if (document.getElementById('ack')) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href, { cache: 'no-store' }).catch(() => null);
    if (answer?.ok && !(await answer.text()).includes('id="ack"')) location.reload();
  }, ASK_MS);
}
