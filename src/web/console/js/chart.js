// The chart of contacts. It reads its table, so that the two cannot differ, and stands where the server's drawing was.

import uPlot from 'uplot';

const HEIGHT = 232;

export function startChart(box) {
  const still = box.innerHTML;
  let plot = null;
  let drawn = '';
  const draw = () => {
    const data = read(document.getElementById(box.dataset.chart));
    const key = JSON.stringify(data.columns) + document.documentElement.dataset.theme + matchMedia('(prefers-color-scheme: dark)').matches;
    if (key === drawn || data.columns[0].length < 2) return;
    drawn = key;
    if (plot === null) box.replaceChildren();
    plot?.destroy();
    try {
      plot = new uPlot(options(box, data), data.columns, box);
    } catch (error) {
      box.innerHTML = still; // our own drawing from the server, kept from before
      throw error;
    }
  };
  box.dataset.keep = '';
  draw();
  document.addEventListener('callout:fresh', draw);
  document.addEventListener('callout:theme', draw);
  new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: HEIGHT })).observe(box);
}

/** Columns of the table: seconds, lowest usual, highest usual, count; and how far local time is from UTC. */
function read(table) {
  const rows = [...table.querySelectorAll('tbody tr')];
  const number = (text) => (text === undefined ? null : Number(text));
  const columns = [
    rows.map((row) => Number(row.dataset.t)),
    rows.map((row) => number(row.dataset.high)),
    rows.map((row) => number(row.dataset.low)),
    rows.map((row) => Number(row.dataset.n)),
  ];
  const [h = 0, m = 0] = rows[0]?.querySelector('time').textContent.split(':').map(Number) ?? [];
  return { columns, offset: rows.length ? h * 3600 + m * 60 - (columns[0][0] % 86_400) : 0 };
}

function options(box, { columns, offset }) {
  const style = getComputedStyle(box);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour('--muted'), font: '13px arial, sans-serif', ticks: { show: false }, grid: { stroke: colour('--line'), width: 1 } };
  const clock = (s) => new Date((s + offset) * 1000).toISOString().slice(11, 16);
  const top = Math.max(5, ...columns[1], ...columns[3]);
  return {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [10, 20, 0, 0],
    scales: { y: { range: [0, top * 1.08] } },
    axes: [
      { ...axis, space: 70, size: 30, values: (_, marks) => marks.map(clock) },
      { ...axis, size: 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
    ],
    series: [
      {},
      { stroke: colour('--band'), width: 1, points: { show: false } },
      { stroke: colour('--band'), width: 1, points: { show: false } },
      { stroke: colour('--alarm'), width: 3, points: { show: false } },
    ],
    bands: [{ series: [1, 2], fill: colour('--band') }],
  };
}
