// The contact form by keyboard: suggestions, keys, and the answer about the place while the caller speaks.
// Everything it does can be done without it: the form is a plain form, and the answer comes after sending.

import { combo } from './combo.js';

const WAIT_MS = 200; // after the last key, before asking about a place
const $ = (id) => document.getElementById(id);
const say = (words) => ($('said').textContent = words);

/** A new element with text in it; text is always text, never markup. */
function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

export function startDesk(form) {
  const [topic, place, note] = ['topic', 'place', 'note'].map($);
  for (const id of ['hot', 'keys', 'map-card', 'timer']) $(id)?.removeAttribute('hidden');

  const land = startLand(form, place);
  startTopics(topic, place);
  const settle = (text) => {
    land.ask(text);
    note.focus();
  };
  const places = combo(place, { label: 'Matching places', find: land.matches, say, taken: settle });
  place.addEventListener('input', () => land.askSoon());
  place.addEventListener('callout:matches', places.show);
  startKeys(form);
  startTimer(form);
  startJoin(form);
  if (!$('problems')) topic.focus();
  if (place.value) land.ask(place.value);

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

function startTopics(topic, place) {
  const topics = [...$('topics').options].map((each) => ({ text: each.value, note: each.label === each.value ? '' : each.label }));
  const keys = [...document.querySelectorAll('#hot button')];
  const press = () => keys.forEach((key) => key.setAttribute('aria-pressed', String(key.dataset.topic === topic.value)));
  const find = (typed) => {
    const words = typed.toLowerCase();
    const begins = (each) => (each.text.toLowerCase().startsWith(words) ? 0 : 1);
    return topics.filter((each) => `${each.text} ${each.note}`.toLowerCase().includes(words)).sort((a, b) => begins(a) - begins(b));
  };
  const taken = () => {
    press();
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
}

/** Asks whose land a place is, and shows the answer; the newest question wins. */
function startLand(form, place) {
  let timer = 0;
  let asking = null;
  let asked = '';
  let latest = null;
  let map = null;

  const ask = async (text) => {
    clearTimeout(timer);
    const typed = text.trim();
    if (typed === asked) return;
    asked = typed;
    asking?.abort();
    if (typed.length < 2) return show({});
    asking = new AbortController();
    try {
      const answer = await fetch(`${form.dataset.land}?q=${encodeURIComponent(typed)}`, { headers: { accept: 'application/json' }, signal: asking.signal });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      show(await answer.json());
    } catch (error) {
      if (error.name === 'AbortError') return;
      asked = '';
      show({ problem: 'The land book did not answer. Log the call all the same: the owner is worked out then.' });
    }
  };
  const show = (reply) => {
    latest = reply;
    showFound(reply);
    showOwner(reply);
    showNearby(reply, ask);
    if (reply.say?.length) $('say').replaceChildren(...reply.say.map(sayLine));
    if (reply.place) map?.pin([reply.place.easting_m, reply.place.northing_m]);
    if (reply.matches?.length) place.dispatchEvent(new Event('callout:matches'));
  };
  return {
    ask,
    askSoon: () => {
      clearTimeout(timer);
      timer = setTimeout(() => ask(place.value), WAIT_MS);
    },
    matches: (typed) => (latest?.matches ?? []).filter((each) => each.text.toLowerCase().includes(typed.toLowerCase())),
    showOn: (drawn) => {
      map = drawn;
      if (latest?.place) map.pin([latest.place.easting_m, latest.place.northing_m]);
    },
  };
}

function showFound({ place, problem }) {
  const found = $('found');
  found.hidden = !place && !problem;
  found.classList.toggle('found--none', !place);
  if (!place) return found.replaceChildren(problem ?? '');
  const sure = place.sigma_m > 0 ? `, to within ${Math.round(place.sigma_m)} m` : '';
  found.replaceChildren(make('strong', '', place.label || place.grid_ref), ' ', make('span', 'num', `${place.grid_ref}, read as ${place.reading}${sure}`));
}

function showOwner({ owner }) {
  const box = $('owner');
  if (!owner) return box.replaceChildren(make('p', 'empty', 'Give a place to see the owner and who acts.'));
  const list = make('dl');
  const row = (term, ...parts) => {
    const line = make('div');
    const detail = make('dd');
    detail.append(...parts);
    line.append(make('dt', '', term), detail);
    list.append(line);
  };
  row('Body', make('strong', '', owner.body), ' ', badge(owner.badge), make('span', '', owner.why));
  if (owner.tell_caller) row('Tell them', `“${owner.tell_caller}”`);
  if (owner.raise) row('Raise', owner.raise);
  if (owner.also?.length) row('Tell too', owner.also.join(', '));
  box.replaceChildren(list);
}

const badge = ({ tone, word }) => make('strong', `badge badge--${tone}`, word);

function sayLine({ words, then }) {
  const line = make('li', '', `“${words}”`);
  if (then) line.append(make('small', '', then));
  return line;
}

function showNearby({ place, nearby = [], nearby_total: total = nearby.length }) {
  $('nearby').replaceChildren(
    ...nearby.map((report) => {
      const line = make('li');
      const pin = make('span', 'pin', report.letter);
      pin.dataset.letter = report.letter;
      pin.setAttribute('aria-hidden', 'true');
      const same = make('button', 'govuk-button govuk-button--secondary small', 'Same');
      same.type = 'button';
      same.setAttribute('aria-label', `Same as ${report.id}, ${report.title}`);
      same.addEventListener('click', () => join(report.id));
      line.append(pin, make('strong', '', `${report.id} ${report.title}`), make('span', '', report.detail), same);
      return line;
    }),
  );
  $('nearby-count').hidden = !place || nearby.length === 0;
  $('nearby-count').textContent = `${total} within 100 m`;
  const empty = $('nearby-empty');
  empty.hidden = nearby.length > 0;
  empty.textContent = place ? 'Nothing within 100 m.' : 'Give a place to see what was reported there.';
  const button = $('join');
  button.hidden = nearby.length === 0;
  button.dataset.id = nearby[0]?.id ?? '';
  $('join-words').textContent = nearby.length ? `Same as ${nearby[0].id}` : '';
}

/** Counts this call to a report that is already there. */
function join(id) {
  $('same_as').value = id;
  $('call').requestSubmit($('log-it'));
}

function startJoin(form) {
  $('join').addEventListener('click', (event) => join(event.currentTarget.dataset.id));
  // A second press while the first is on its way changes nothing: the key makes it the same contact.
  form.addEventListener('submit', () => $('log-it').setAttribute('aria-disabled', 'true'));
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
  };
  document.querySelectorAll('#hot button').forEach((button, at) => (act[`Digit${at + 1}`] = () => button.click()));
  document.addEventListener('keydown', (event) => {
    const plainAlt = event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    const send = event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.altKey;
    if (send) {
      event.preventDefault();
      form.requestSubmit($('log-it'));
    } else if (plainAlt && act[event.code]) {
      event.preventDefault();
      act[event.code]();
    }
  });
}

/** Counts from the first key, and sends how long it took; never what was typed. */
function startTimer(form) {
  const shown = $('timer').querySelector('strong');
  let since = 0;
  const begin = () => (since ||= performance.now());
  form.addEventListener('keydown', begin, { once: true });
  form.addEventListener('input', begin, { once: true });
  setInterval(() => {
    const s = since ? Math.floor((performance.now() - since) / 1000) : 0;
    shown.textContent = `${String(Math.floor(s / 60)).padStart(2, '0')}:${String(s % 60).padStart(2, '0')}`;
  }, 500);
  form.addEventListener('submit', () => ($('started_ms').value = since ? String(Math.round(performance.now() - since)) : ''));
}
