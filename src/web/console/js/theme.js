// Light or night: as the device is set, until somebody presses the button; kept in a cookie so that the server can
// send the next page in the right colours at once.

const YEAR_S = 31_536_000;

export function startTheme() {
  const root = document.documentElement;
  const button = document.getElementById('theme');
  if (!button) return;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const isNight = () => root.dataset.theme === 'night' || (root.dataset.theme === 'auto' && dark.matches);
  const show = () => {
    button.textContent = isNight() ? 'Light colours' : 'Night colours';
    document.dispatchEvent(new Event('callout:theme'));
  };
  button.hidden = false;
  button.addEventListener('click', () => {
    root.dataset.theme = isNight() ? 'light' : 'night';
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=${YEAR_S}; samesite=strict`;
    show();
  });
  dark.addEventListener('change', show);
  show();
}
