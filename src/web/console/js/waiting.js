// Calls that could not be sent. They wait in this browser, on the disk, with the time at which they were taken, and go
// out by themselves when callout answers again; their key makes a second sending harmless. What was sent is removed.

import { $, make, say } from './page.js';

const STORE = 'callout.waiting';
const AGAIN_MS = 5_000;
const PATIENCE_MS = 8_000;
const CALLS_MAX = 500;

const REFUSED = 'callout.refused';

const kept = (store) => {
  try {
    return JSON.parse(localStorage.getItem(store) ?? '[]');
  } catch {
    return [];
  }
};
const put = (store, calls) => (calls.length ? localStorage.setItem(store, JSON.stringify(calls)) : localStorage.removeItem(store));
const read = () => kept(STORE);
const write = (calls) => put(STORE, calls);

/** Sends one call: what became of it, or `{ wait }` with the reason where it must wait. */
export async function send(form, fields) {
  const post = () => {
    const body = new URLSearchParams({ ...fields, csrf: form.elements.csrf.value });
    const headers = { accept: 'application/json' };
    return fetch('/contacts', { method: 'POST', headers, body, redirect: 'manual', signal: AbortSignal.timeout(PATIENCE_MS) });
  };
  try {
    let answer = await post();
    if (answer.status === 403 && (await freshToken(form))) answer = await post();
    if (answer.type === 'opaqueredirect' || answer.status === 401 || answer.status === 403) return { wait: 'signed out' };
    const told = answer.headers.get('content-type')?.includes('json') ? await answer.json() : {};
    if (answer.ok) return told;
    if (answer.status === 422 || answer.status === 400) return told;
    return { wait: `callout answered ${answer.status}` };
  } catch {
    return { wait: 'callout cannot be reached' };
  }
}

/** The form's token may be older than the session, after a restart or a new sign-in. */
async function freshToken(form) {
  const answer = await fetch('/contacts/new', { redirect: 'manual' }).catch(() => null);
  if (!answer?.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const token = page.querySelector('#call input[name=csrf]')?.value ?? '';
  form.elements.csrf.value = token;
  return token !== '';
}

/** @param {(fields: object, problems: object[]) => void} mend  puts a refused call back into the form */
export function startWaiting(form, mend) {
  const bar = $('waiting');
  let signedOut = false;
  const show = () => {
    const n = read().length;
    const refused = kept(REFUSED);
    bar.hidden = n === 0 && refused.length === 0;
    const calls = n === 1 ? '1 call is' : `${n} calls are`;
    bar.replaceChildren(n ? `${calls} waiting to be sent. Nothing is lost: go on taking calls.` : '');
    if (refused.length) {
      const button = make('button', 'govuk-button govuk-button--secondary small', 'Mend it now');
      button.type = 'button';
      button.addEventListener('click', () => {
        const [first, ...rest] = kept(REFUSED);
        put(REFUSED, rest);
        mend(first.fields, first.problems);
        show();
      });
      bar.append(` ${refused.length === 1 ? '1 call that waited needs' : `${refused.length} calls that waited need`} mending. `, button);
    }
    if (signedOut) {
      const link = make('a', '', 'Sign in again in a new tab');
      link.href = '/sign-in';
      link.target = '_blank';
      bar.append(' ', link);
    }
  };
  const flush = async () => {
    // One tab sends for all of them.
    for (let [call] = read(); call; [call] = read()) {
      const { wait, problems } = await send(form, call);
      signedOut = wait === 'signed out';
      if (wait) break;
      if (problems?.length) put(REFUSED, [...kept(REFUSED), { fields: call, problems }]);
      write(read().filter((each) => each.key !== call.key));
      if (read().length === 0 && !problems?.length) say('All calls that waited have been sent');
    }
    show();
  };
  const flushAlone = () => (navigator.locks ? navigator.locks.request('callout-waiting', { ifAvailable: true }, (lock) => lock && flush()) : flush());
  setInterval(() => read().length && flushAlone(), AGAIN_MS);
  addEventListener('online', flushAlone);
  addEventListener('storage', show);
  show();
  if (read().length) flushAlone();
  return {
    /** Keeps a call until it can be sent. `false` where this browser has no room for it. */
    keep: (fields) => {
      const calls = read();
      if (calls.length >= CALLS_MAX) return false;
      try {
        write([...calls, fields]);
      } catch {
        return false;
      }
      show();
      return true;
    },
  };
}
