// Asks whose land a place is while it is typed, and shows all that the answer says; the newest question wins.

import { $, badge, make, say } from './page.js';

const WAIT_MS = 90; // after the last key, before asking about a place
const ANSWER_MS = 1_500; // the longest that logging waits for an answer that is on its way

/**
 * @param {HTMLFormElement} form
 * @param {(id: string, topic: string) => void} join  counts this call to a report that is there
 */
export function startLand(form, join) {
  const [topic, place] = ['topic', 'place'].map($);
  let timer = 0;
  let asking = null;
  let asked = null;
  let latest = {};
  let map = null;
  let answered = Promise.resolve();

  const ask = (text, settle = false) => {
    clearTimeout(timer);
    timer = 0;
    const question = JSON.stringify([text.trim(), topic.value.trim()]);
    if (question !== asked) {
      asked = question;
      asking?.abort();
      asking = new AbortController();
      answered = fetchAnswer(text.trim(), asking.signal);
    }
    // Enter came before the matches: take the first of them, as it would have been taken.
    if (settle) answered = answered.then(() => takeFirst(text.trim()));
    return answered;
  };
  const takeFirst = (text) => {
    const [match] = latest.matches ?? [];
    if (latest.place || !match || place.value.trim() !== text) return undefined;
    place.value = match.text;
    return ask(match.text);
  };
  const fetchAnswer = async (text, signal) => {
    try {
      const query = new URLSearchParams({ q: text, topic: topic.value.trim() });
      const answer = await fetch(`${form.dataset.land}?${query}`, { headers: { accept: 'application/json' }, signal });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      show(await answer.json());
    } catch (error) {
      if (error.name === 'AbortError') return;
      asked = null;
      show({ problem: text ? 'No answer about the land. Log the call all the same: the owner is worked out then.' : '' });
    }
  };
  const show = (reply) => {
    latest = reply;
    showFound(reply);
    showOwner(reply);
    showNearby(reply, join);
    showNote(reply);
    if (reply.say) $('say').replaceChildren(...reply.say.map(sayLine));
    if (reply.effects) $('effects')?.replaceChildren(...reply.effects.map((words) => make('li', '', words)));
    if (reply.place) map?.pin([reply.place.easting_m, reply.place.northing_m]);
    if (reply.matches?.length) place.dispatchEvent(new Event('callout:matches'));
  };
  return {
    ask,
    askSoon: () => {
      clearTimeout(timer);
      timer = setTimeout(() => ask(place.value), WAIT_MS);
    },
    /** Until what was asked last is answered, but not for long. */
    settled: () => {
      if (timer) ask(place.value);
      return Promise.race([answered, new Promise((late) => setTimeout(late, ANSWER_MS))]);
    },
    matches: (typed) => (latest.matches ?? []).filter((each) => `${each.text} ${each.note}`.toLowerCase().includes(typed.toLowerCase())),
    clear: () => {
      asked = null;
      map?.clear();
      ask('');
    },
    showOn: (drawn) => {
      map = drawn;
      if (latest.place) map.pin([latest.place.easting_m, latest.place.northing_m]);
    },
  };
}

function showFound({ place, problem }) {
  const found = $('found');
  found.hidden = !place && !problem;
  found.classList.toggle('found--none', !place);
  if (!place) return found.replaceChildren(problem ?? '');
  const sure = place.sigma_m > 0 ? `, to within ${Math.round(place.sigma_m)} m` : '';
  return found.replaceChildren(make('strong', '', place.label || place.grid_ref), ' ', make('span', 'num', `${place.grid_ref}, by ${place.reading}${sure}`));
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
  row('Land', make('strong', '', owner.body), ' ', badge(owner.badge));
  if (owner.question) row('Ask', `“${owner.question}”`);
  if (owner.raise) row('Acts', owner.raise);
  if (owner.lines?.length) row('Ring', owner.lines.join('; '));
  if (owner.also?.length) row('Tell too', owner.also.join(', '));
  const why = make('details', 'why');
  why.append(make('summary', '', 'Why we say so'), make('p', '', owner.why));
  return box.replaceChildren(list, why);
}

function sayLine({ words, then }) {
  const line = make('li', '', `“${words}”`);
  if (then) line.append(make('small', '', then));
  return line;
}

function showNearby({ place, nearby = [], nearby_total: total = nearby.length }, join) {
  const lines = nearby.map((report) => {
    const line = make('li');
    const pin = make('span', 'pin', report.letter);
    pin.dataset.letter = report.letter;
    pin.setAttribute('aria-hidden', 'true');
    const same = make('button', 'govuk-button govuk-button--secondary small', 'Same');
    same.type = 'button';
    same.setAttribute('aria-label', `Same as ${report.id}, ${report.title}`);
    same.addEventListener('click', () => join(report.id, report.topic));
    line.append(pin, make('strong', '', `${report.id} ${report.title}`), make('span', '', report.detail), same);
    return line;
  });
  $('nearby').replaceChildren(...lines);
  $('nearby-count').hidden = !place || nearby.length === 0;
  $('nearby-count').textContent = `${total} within 100 m`;
  const empty = $('nearby-empty');
  empty.hidden = nearby.length > 0;
  empty.textContent = place ? 'Nothing about this within 100 m in the last 6 hours.' : 'Give a place to see what was reported there.';
  const button = $('join');
  button.hidden = nearby.length === 0;
  button.dataset.id = nearby[0]?.id ?? '';
  button.dataset.topic = nearby[0]?.topic ?? '';
  $('join-words').textContent = nearby.length ? `Same as ${nearby[0].id}` : '';
}

/** The card on the map: what this ground is, and how much was reported on it. */
function showNote({ place, owner, nearby_total: total = 0 }) {
  const note = $('map-note');
  if (!note) return;
  note.hidden = !place;
  if (!place) return;
  note.replaceChildren(make('strong', '', place.label || place.grid_ref), `${owner?.body ?? ''}. ${total === 1 ? '1 report' : `${total} reports`} within 100 m`);
}

/** "You rang before": asked when a number has been typed, never in an address. */
export function startRepeats(form) {
  const [phone, box] = ['caller_phone', 'repeats'].map($);
  const ask = async () => {
    if (phone.value.replace(/\D/g, '').length < 10) return (box.hidden = true);
    const body = new URLSearchParams({ csrf: form.elements.csrf.value, phone: phone.value });
    const answer = await fetch('/contacts/repeats', { method: 'POST', body, redirect: 'manual' }).catch(() => null);
    const { total = 0, contacts = [] } = answer?.ok ? await answer.json() : {};
    box.hidden = total === 0;
    if (total === 0) return undefined;
    const late = contacts.some((each) => each.late);
    const lines = contacts.map((each) => {
      const line = make('li', '', `${each.id} ${each.title}, ${each.detail}`);
      if (each.promised) line.append(' ', badge({ tone: each.late ? 'bad' : 'warn', word: each.promised }));
      return line;
    });
    const list = make('ul');
    list.append(...lines);
    box.replaceChildren(make('p', '', total === 1 ? 'This number rang before' : `This number rang ${total} times before`), list);
    return say(`This number rang before${late ? ', and a promise was missed' : ''}`);
  };
  phone.addEventListener('change', ask);
  return { clear: () => (box.hidden = true), ask };
}
