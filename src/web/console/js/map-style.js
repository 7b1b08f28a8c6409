// How the map looks. Kinds of land differ by colour, by dashes and by their names; reports by colour and letter.

import CircleStyle from 'ol/style/Circle.js';
import Fill from 'ol/style/Fill.js';
import Icon from 'ol/style/Icon.js';
import Stroke from 'ol/style/Stroke.js';
import Style from 'ol/style/Style.js';
import Text from 'ol/style/Text.js';

const FONT = 'arial, "Liberation Sans", sans-serif';
const HALO = new Stroke({ color: '#ffffff', width: 3.5 });

// Kind of a layer -> class of the swatch, words, colour, dashes, order of drawing.
const KINDS = {
  water: { className: 'water', words: 'Water', ink: '#1f6f9f', fill: '#b9d9ea', order: 1 },
  green: { className: 'green', words: 'Open space', ink: '#4e7a3a', fill: '#dbe9d3', order: 2 },
  flood: { className: 'flood', words: 'Flood area', ink: '#0b7a75', fill: '#0b7a7520', dash: [2, 4], order: 3 },
  council: { className: 'council', words: 'Council land', ink: '#2c6e2f', fill: '#2c6e2f1f', dash: [7, 4], order: 4 },
  highway: { className: 'highway', words: 'Adopted highway', ink: '#12436d', edge: '#12436d66', fill: '#12436d2b', order: 6 },
  building: { className: 'building', words: 'Buildings', ink: '#c8c3b8', fill: '#e0ddd6', order: 5 },
  housing: { className: 'housing', words: 'Housing association', ink: '#6a2c91', fill: '#6a2c911f', dash: [3, 3], order: 4 },
  other: { className: 'other', words: 'Other land', ink: '#8a3b00', fill: '#8a3b0018', dash: [9, 3, 2, 3], order: 3 },
  area: { className: 'area', words: 'Wards and parishes', ink: '#6b7680', fill: '#00000000', dash: [1, 5], order: 7 },
};
const NAMES = [
  [/highway|road|street/, 'highway'],
  [/flood/, 'flood'],
  [/water|river|drain|lake/, 'water'],
  [/park|green|open_space|meadow|cemeter/, 'green'],
  [/building/, 'building'],
  [/housing/, 'housing'],
  [/council/, 'council'],
  [/ward|parish|boundary/, 'area'],
];
const kindOf = (name) => KINDS[NAMES.find(([pattern]) => pattern.test(name ?? ''))?.[1] ?? 'other'];

/** The legend of these kinds, each look once. */
export const kinds = (names) => [...new Set([...names].map(kindOf))].sort((a, b) => a.order - b.order);

const looks = new Map();

/** One feature of the land: area or line, with its name where there is room. */
export function styleOfLand(feature, resolution) {
  const kind = kindOf(feature.get('kind'));
  const line = feature.getGeometry().getType().endsWith('LineString');
  const name = feature.get('name') ?? '';
  const named = name && kind.className !== 'building' && resolution < (line ? 2.5 : 4);
  const key = `${kind.className} ${line} ${named ? name : ''}`;
  let look = looks.get(key);
  if (look) return look;
  const text = named
    ? new Text({ text: name, font: `600 12.5px ${FONT}`, fill: new Fill({ color: line ? '#33404c' : kind.ink }), stroke: HALO, placement: line ? 'line' : 'point', repeat: line ? 420 : undefined })
    : undefined;
  look = line
    ? [new Style({ zIndex: kind.order, stroke: new Stroke({ color: '#aeb8c2', width: 9, lineCap: 'round' }) }), new Style({ zIndex: kind.order + 0.5, stroke: new Stroke({ color: '#ffffff', width: 6.5, lineCap: 'round' }), text })]
    : [new Style({ zIndex: kind.order, fill: new Fill({ color: kind.fill }), stroke: new Stroke({ color: kind.edge ?? kind.ink, width: 1.4, lineDash: kind.dash }), text })];
  if (looks.size > 2_000) looks.clear();
  looks.set(key, look);
  return look;
}

const LETTERS = { F: '#1d5d99', T: '#2c6e2f', R: '#8a3b00' };
const reports = new Map();

/** A report: a disc with its letter. */
export function styleOfReport(feature) {
  const letter = feature.get('letter') ?? '?';
  if (!reports.has(letter)) {
    reports.set(
      letter,
      new Style({
        image: new CircleStyle({ radius: 11, fill: new Fill({ color: LETTERS[letter] ?? '#4a545d' }), stroke: new Stroke({ color: '#ffffff', width: 2 }) }),
        text: new Text({ text: letter, font: `700 12px ${FONT}`, fill: new Fill({ color: '#ffffff' }), offsetY: 1 }),
      }),
    );
  }
  return reports.get(letter);
}

export const ringStyle = new Style({ stroke: new Stroke({ color: '#0b0c0c', width: 2, lineDash: [7, 6] }), fill: new Fill({ color: '#ffffff2e' }) });

/** A pin, drawn here: an image from a data address would need a looser content policy. */
export function pinStyle() {
  const canvas = document.createElement('canvas');
  canvas.width = 44;
  canvas.height = 56;
  const pen = canvas.getContext('2d');
  pen.beginPath();
  pen.arc(22, 21, 18, Math.PI * 0.86, Math.PI * 0.14);
  pen.quadraticCurveTo(34, 38, 22, 54);
  pen.quadraticCurveTo(10, 38, 5.6, 28.6);
  pen.closePath();
  pen.fillStyle = '#0b0c0c';
  pen.fill();
  pen.lineWidth = 2.5;
  pen.strokeStyle = '#ffffff';
  pen.stroke();
  pen.beginPath();
  pen.arc(22, 21, 8, 0, Math.PI * 2);
  pen.fillStyle = '#ffdd00';
  pen.fill();
  return new Style({ zIndex: 9, image: new Icon({ img: canvas, size: [44, 56], anchor: [0.5, 0.97] }) });
}
