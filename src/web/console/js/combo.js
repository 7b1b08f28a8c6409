// A text input with suggestions, after the ARIA 1.2 pattern of a combobox with a list: type, Enter takes the first
// match and moves on. Whoever wants their own words presses Escape first, or finds no match.

/**
 * @param {HTMLInputElement} input
 * @param {{label: string, find: (typed: string) => {text: string, note: string}[], taken: (text: string) => void, say: (words: string) => void}} options
 * @returns {{show: () => void}} `show` asks `find` again, for suggestions that arrive later.
 */
export function combo(input, { label, find, taken, say }) {
  const list = document.createElement('ul');
  list.id = `${input.id}-options`;
  list.hidden = true;
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', label);
  input.after(list);
  input.removeAttribute('list');
  input.setAttribute('role', 'combobox');
  input.setAttribute('aria-autocomplete', 'list');
  input.setAttribute('aria-expanded', 'false');
  input.setAttribute('aria-controls', list.id);
  input.spellcheck = false;

  let found = [];
  let marked = 0;
  let settled = input.value;

  const close = () => {
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  };
  const mark = (index) => {
    marked = (index + found.length) % found.length;
    [...list.children].forEach((option, at) => option.setAttribute('aria-selected', String(at === marked)));
    input.setAttribute('aria-activedescendant', list.children[marked].id);
    list.children[marked].scrollIntoView({ block: 'nearest' });
  };
  const take = (text) => {
    input.value = settled = text;
    close();
    taken(text);
  };
  const show = () => {
    const typed = input.value.trim();
    found = typed.length > 1 && typed !== settled && document.activeElement === input ? find(typed).slice(0, 8) : [];
    if (found.length === 0) return close();
    list.replaceChildren(...found.map((match, at) => option(`${list.id}-${at}`, match, typed)));
    list.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    mark(0);
    say(`${found.length} ${found.length === 1 ? 'match' : 'matches'}. ${found[0].text}`);
  };

  input.addEventListener('input', () => {
    settled = null;
    show();
  });
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const open = !list.hidden;
    if (event.key === 'Enter') {
      event.preventDefault();
      take(open ? found[marked].text : input.value.trim());
    } else if (open && event.key === 'ArrowDown') {
      event.preventDefault();
      mark(marked + 1);
    } else if (open && event.key === 'ArrowUp') {
      event.preventDefault();
      mark(marked - 1);
    } else if (open && event.key === 'Escape') {
      event.preventDefault();
      settled = input.value.trim();
      close();
    }
  });
  // On press, not on click: the input must not lose the focus first.
  list.addEventListener('pointerdown', (event) => {
    const at = [...list.children].indexOf(event.target.closest('li'));
    if (at < 0) return;
    event.preventDefault();
    take(found[at].text);
  });
  return { show };
}

function option(id, { text, note }, typed) {
  const item = document.createElement('li');
  item.id = id;
  item.setAttribute('role', 'option');
  const words = document.createElement('span');
  const at = text.toLowerCase().indexOf(typed.toLowerCase());
  if (at < 0) words.textContent = text;
  else {
    const bold = document.createElement('b');
    bold.textContent = text.slice(at, at + typed.length);
    words.append(text.slice(0, at), bold, text.slice(at + typed.length));
  }
  item.append(words);
  if (note) {
    const small = document.createElement('small');
    small.textContent = note;
    item.append(small);
  }
  return item;
}
