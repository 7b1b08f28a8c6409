// The contact form by keyboard: suggestions, keys, and the answer about the place while the caller speaks.
// Everything it does can be done without it: the form is a plain form, and the answer comes after sending.

import { serverNow } from './clock.js';
import { combo } from './combo.js';
import { startLand, startRepeats } from './land.js';
import { $, badge, make, say } from './page.js';
import { send, startWaiting } from './waiting.js';

const UNDO_S = 30;
const DRAFT = 'callout.draft';
const MINE = 'callout.mine';

export function startDesk(form) {
  const [topic, place, note] = ['topic', 'place', 'note'].map($);
  for (const id of ['hot', 'keys', 'map-card', 'timer']) $(id)?.removeAttribute('hidden');

  const join = (id, about) => {
    $('same_as').value = id;
    if (!topic.value.trim()) topic.value = about;
    form.requestSubmit($('log-it'));
  };
  const land = startLand(form, join);
  const repeats = startRepeats(form);
  const press = startTopics(topic, place, land);
  const settle = (text) => {
    land.ask(text, true);
    note.focus();
  };
  const places = combo(place, { label: 'Matching places', find: land.matches, say, taken: settle });
  place.addEventListener('input', () => land.askSoon());
  place.addEventListener('callout:matches', places.show);
  $('join').addEventListener('click', ({ currentTarget }) => join(currentTarget.dataset.id, currentTarget.dataset.topic));
  startKeys(form);
  const timer = startTimer(form);
  const draft = startDraft(form);
  startLogging(form, { land, draft, timer, clear: () => (press(), repeats.clear()) });
  takeNumber(repeats);
  if (!$('problems')) topic.focus();
  if (place.value || topic.value) land.ask(place.value);

  return {
    /** The map was clicked, or Enter pressed on it: the place is there, in metres. */
    picked: ([easting, northing]) => {
      place.value = `${Math.round(easting)},${Math.round(northing)}`;
      land.ask(place.value);
      say('Place set');
    },
    showOn: (map) => land.showOn(map),
  };
}

function startTopics(topic, place, land) {
  const topics = [...$('topics').options].map((each) => ({
    text: each.value,
    note: each.label === each.value ? '' : each.label,
    also: (each.dataset.also ?? '').toLowerCase().split('|').filter(Boolean),
  }));
  const keys = [...document.querySelectorAll('#hot button')];
  const press = () => keys.forEach((key) => key.setAttribute('aria-pressed', String(key.dataset.topic === topic.value)));
  // First titles that begin so, then titles that hold it, then topics that are found by another word of theirs.
  const rank = (each, words) => {
    const title = each.text.toLowerCase();
    if (title.startsWith(words)) return 0;
    if (title.includes(words)) return 1;
    return each.also.some((word) => word.startsWith(words)) ? 2 : 9;
  };
  const find = (typed) => {
    const words = typed.toLowerCase();
    const found = topics.map((each) => ({ each, rank: rank(each, words) })).filter(({ rank: r }) => r < 9);
    found.sort((a, b) => a.rank - b.rank);
    return found.map(({ each, rank: r }) => ({ text: each.text, note: r === 2 ? each.also.find((word) => word.startsWith(words)) : each.note }));
  };
  const taken = () => {
    press();
    land.ask(place.value);
    place.focus();
  };
  combo(topic, { label: 'Matching topics', find, say, taken });
  topic.addEventListener('input', press);
  for (const key of keys) {
    key.addEventListener('click', () => {
      topic.value = key.dataset.topic;
      taken();
    });
  }
  return press;
}

/** Sends the call, keeps it where it cannot be sent, and makes ready for the next one. */
function startLogging(form, { land, draft, timer, clear }) {
  const waiting = startWaiting(form, (fields, problems) => {
    for (const [name, value] of Object.entries(fields)) {
      const input = form.elements[name];
      if (input?.type === 'checkbox') input.checked = value === '1';
      else if (input && name !== 'csrf') input.value = value;
    }
    showProblems(form, problems);
  });
  let busy = false;
  const next = () => {
    form.reset();
    for (const id of ['same_as', 'started_ms']) $(id).value = '';
    form.elements.key.value = newKey();
    // What the server sent back filled in is not the empty form.
    for (const name of ['topic', 'place', 'note', 'caller_name', 'caller_phone', 'caller_email', 'needs']) form.elements[name].value = '';
    for (const name of ['danger', 'vulnerable']) form.elements[name].checked = false;
    $('caller').open = false;
    form.classList.remove('call--danger');
    $('problems')?.remove();
    document.querySelectorAll('#call .govuk-error-message').forEach((each) => each.remove());
    draft.forget();
    timer.restart();
    clear();
    land.clear();
    $('topic').focus();
  };
  form.addEventListener('submit', async (event) => {
    const to = event.submitter?.getAttribute('formaction');
    if (to) return undefined; // the server's own undo
    event.preventDefault();
    // A second press while the first is on its way changes nothing.
    if (busy) return undefined;
    busy = true;
    if (!$('topic').value.trim()) {
      busy = false;
      return showProblems(form, [{ field: 'topic', words: 'Say what it is about: a topic of the list, or the caller’s own words' }]);
    }
    await land.settled();
    const { csrf, ...fields } = Object.fromEntries(new FormData(form));
    const took = timer.taken();
    fields.started_ms = took;
    fields.do = 'log';
    const takenAt = new Date(serverNow()).toISOString();
    const { logged, problems, wait } = await send(form, fields);
    busy = false;
    if (problems?.length) return showProblems(form, problems);
    if (wait) {
      if (!waiting.keep({ ...fields, taken_at: takenAt })) {
        return showProblems(form, [{ field: 'topic', words: `It could not be sent (${wait}), and this browser has no room to keep it. Write it down, and press Log again` }]);
      }
      showLogged(form, null);
      say('Kept here. It is sent as soon as callout answers');
    } else {
      showLogged(form, logged);
      countMine(took);
      say(`Logged as ${logged?.id ?? 'a contact'}. Ready for the next call`);
    }
    document.documentElement.dataset.logged = String(performance.now());
    return next();
  });
}

const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

let undoTimer = 0;

/** The strip of the call just logged, with its undo for half a minute; `null` for one that waits here. */
function showLogged(form, logged) {
  clearInterval(undoTimer);
  const box = make('div', 'logged');
  box.id = 'logged';
  const line = make('p');
  box.append(line);
  if (!logged) line.append(badge({ tone: 'warn', word: 'Kept' }), ' It is sent as soon as callout answers.');
  else {
    line.append(badge({ tone: 'ok', word: 'Logged' }), ' ', make('strong', 'num', logged.id), ` ${logged.body}. `);
    if (logged.incident) {
      const link = make('a', '', logged.incident.label);
      link.href = logged.incident.value;
      line.append('Joined ', link, '. ');
    }
    const undo = make('button', 'linklike', `Undo (${UNDO_S})`);
    undo.type = 'button';
    undo.id = 'undo';
    undo.addEventListener('click', () => takeBack(form, logged.id, box));
    line.append(undo);
    let left = UNDO_S;
    undoTimer = setInterval(() => {
      left -= 1;
      undo.textContent = `Undo (${left})`;
      if (left > 0) return;
      clearInterval(undoTimer);
      undo.remove();
    }, 1_000);
  }
  $('done').replaceChildren(box);
}

async function takeBack(form, id, box) {
  clearInterval(undoTimer);
  const body = new URLSearchParams({ csrf: form.elements.csrf.value });
  const answer = await fetch(`/contacts/${id}/undo`, { method: 'POST', headers: { accept: 'application/json' }, body, redirect: 'manual' }).catch(() => null);
  const words = answer?.ok ? ` ${id} counts no more. The record keeps both.` : ` ${id} could not be taken back. Try again, or write a note in its incident.`;
  box.replaceChildren(make('p'));
  box.firstChild.append(badge(answer?.ok ? { tone: 'grey', word: 'Taken back' } : { tone: 'bad', word: 'Not done' }), words);
  say(words);
}

/** What is wrong, as the server would have drawn it. */
function showProblems(form, problems) {
  $('problems')?.remove();
  const box = make('div', 'govuk-error-summary');
  box.id = 'problems';
  box.tabIndex = -1;
  box.setAttribute('role', 'alert');
  box.append(make('h2', 'govuk-error-summary__title', 'There is a problem. Nothing was lost: mend it and send again'));
  const list = make('ul', 'govuk-list govuk-error-summary__list');
  for (const { field, words } of problems) {
    const link = make('a', '', words);
    link.href = `#${field}`;
    link.addEventListener('click', (event) => {
      event.preventDefault();
      const input = $(field);
      const folded = input?.closest('details');
      if (folded) folded.open = true;
      input?.focus();
    });
    const line = make('li');
    line.append(link);
    list.append(line);
  }
  box.append(list);
  form.prepend(box);
  box.focus();
}

function startKeys(form) {
  const danger = $('danger');
  const red = () => form.classList.toggle('call--danger', danger.checked);
  danger.addEventListener('change', red);
  red();
  const act = {
    KeyX: () => danger.click(),
    KeyJ: () => $('join').hidden || $('join').click(),
    KeyM: () => $('map').focus(),
    KeyZ: () => $('undo')?.click(),
    KeyC: () => {
      $('caller').open = true;
      $('caller_phone').focus();
    },
  };
  document.querySelectorAll('#hot button').forEach((button, at) => (act[`Digit${at + 1}`] = () => button.click()));
  document.addEventListener('keydown', (event) => {
    const plainAlt = event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    const log = event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.altKey;
    if (log) {
      event.preventDefault();
      form.requestSubmit($('log-it'));
    } else if (plainAlt && act[event.code]) {
      event.preventDefault();
      act[event.code]();
    }
  });
}

/** Counts from the first key of a call; never what was typed. */
function startTimer(form) {
  const shown = $('timer').querySelector('strong');
  let since = 0;
  const begin = () => (since ||= performance.now());
  form.addEventListener('keydown', begin);
  form.addEventListener('input', begin);
  const show = () => {
    const s = since ? Math.floor((performance.now() - since) / 1000) : 0;
    shown.textContent = `${String(Math.floor(s / 60)).padStart(2, '0')}:${String(s % 60).padStart(2, '0')}`;
  };
  setInterval(show, 500);
  return {
    taken: () => (since ? String(Math.round(performance.now() - since)) : ''),
    restart: () => {
      since = 0;
      show();
    },
  };
}

/** What is half typed survives a reload of this tab. */
function startDraft(form) {
  const names = ['topic', 'place', 'note', 'caller_name', 'caller_phone', 'caller_email', 'needs'];
  if (!$('problems') && names.every((name) => !form.elements[name].value)) {
    try {
      const kept = JSON.parse(sessionStorage.getItem(DRAFT) ?? '{}');
      for (const name of names) if (kept[name]) form.elements[name].value = kept[name];
    } catch {
      // A draft that cannot be read is none.
    }
  }
  form.addEventListener('input', () => sessionStorage.setItem(DRAFT, JSON.stringify(Object.fromEntries(names.map((name) => [name, form.elements[name].value])))));
  return { forget: () => sessionStorage.removeItem(DRAFT) };
}

/** The telephone system opens `/contacts/new#phone=07700900417`: what stands behind # never leaves the browser. */
function takeNumber(repeats) {
  const take = () => {
    const number = new URLSearchParams(location.hash.slice(1)).get('phone');
    if (!number) return;
    history.replaceState(null, '', location.pathname);
    $('caller_phone').value = number;
    $('caller').open = true;
    repeats.ask();
  };
  addEventListener('hashchange', take);
  take();
}

/** The advisor's own figures, kept in this browser only. */
function countMine(took) {
  const hour = Date.now() - 3_600_000;
  let calls = [];
  try {
    calls = JSON.parse(localStorage.getItem(MINE) ?? '[]').filter(([at]) => at > hour);
  } catch {
    // Begins anew.
  }
  calls.push([Date.now(), Number(took) || 0]);
  localStorage.setItem(MINE, JSON.stringify(calls.slice(-200)));
  const times = calls.map(([, ms]) => ms).filter(Boolean).sort((a, b) => a - b);
  const typical = times.length ? `, ${Math.round(times[times.length >> 1] / 1000)} s typical` : '';
  $('mine').textContent = `Your last hour: ${calls.length === 1 ? '1 call' : `${calls.length} calls`}${typical}`;
}
