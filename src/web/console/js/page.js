// Small words that the scripts share.

export const $ = (id) => document.getElementById(id);

/** To whoever listens with a screen reader. */
export const say = (words) => ($('said').textContent = words);

/** A new element with text in it; text is always text, never markup. */
export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

export const badge = ({ tone, word }) => make('strong', `badge badge--${tone}`, word);
