// The map, in British National Grid metres throughout: the server sends EPSG:27700, so nothing is projected here.
// The base map is what the council loaded (highways, land, water), drawn from `/map/layers.json?bbox=w,s,e,n`.

import Collection from 'ol/Collection.js';
import Feature from 'ol/Feature.js';
import Map from 'ol/Map.js';
import View from 'ol/View.js';
import ScaleLine from 'ol/control/ScaleLine.js';
import Zoom from 'ol/control/Zoom.js';
import { buffer, containsExtent, getCenter, isEmpty } from 'ol/extent.js';
import GeoJSON from 'ol/format/GeoJSON.js';
import Circle from 'ol/geom/Circle.js';
import Point from 'ol/geom/Point.js';
import { defaults as interactions } from 'ol/interaction/defaults.js';
import MouseWheelZoom from 'ol/interaction/MouseWheelZoom.js';
import VectorLayer from 'ol/layer/Vector.js';
import Projection from 'ol/proj/Projection.js';
import VectorSource from 'ol/source/Vector.js';
import { kinds, styleOfLand, styleOfReport, pinStyle, ringStyle } from './map-style.js';

const GRID = new Projection({ code: 'EPSG:27700', units: 'm', extent: [0, 0, 700_000, 1_300_000] });
const FORMAT = new GeoJSON({ dataProjection: GRID, featureProjection: GRID });
const RING_M = 100;

/** @param {HTMLElement} box  @param {((at: number[]) => void) | undefined} picked  called with [easting, northing] */
export function startMap(box, picked) {
  box.hidden = false;
  box.dataset.keep = '';
  const land = new VectorSource();
  const reports = new VectorSource();
  const marks = new VectorSource();
  const first = (box.dataset.extent ?? '').split(',').map(Number);
  const start = first.length === 4 && first.every(Number.isFinite) ? first : null;
  const view = new View({ projection: GRID, center: start ? getCenter(start) : [350_000, 400_000], resolution: 5, minResolution: 0.2, maxResolution: 900, enableRotation: false });
  const map = new Map({
    target: box,
    view,
    controls: new Collection([new Zoom({ zoomInTipLabel: 'Zoom in', zoomOutTipLabel: 'Zoom out' }), new ScaleLine({ minWidth: 90 })]),
    // The wheel zooms only once the map has the focus, so that the page scrolls past it.
    interactions: interactions({ mouseWheelZoom: false }).extend([new MouseWheelZoom({ condition: () => box.contains(document.activeElement) })]),
    layers: [
      new VectorLayer({ source: land, style: styleOfLand, declutter: true }),
      new VectorLayer({ source: marks }),
      new VectorLayer({ source: reports, style: styleOfReport }),
    ],
  });
  if (start) view.fit(start, { padding: [10, 10, 10, 10] });

  startLand(map, land);
  const pin = startPin(map, marks, picked, box);
  startReports(map, reports, box, !start);
  map.once('rendercomplete', () => (document.documentElement.dataset.map = 'ready'));
  return { pin, clear: pin.clear };
}

/** Fetches the land in view, and some around it, when the view leaves what was fetched. */
function startLand(map, source) {
  let have = null;
  let asking = null;
  map.on('moveend', async () => {
    const extent = map.getView().calculateExtent(map.getSize());
    if (have && containsExtent(have, extent)) return;
    const wanted = buffer(extent, Math.max(extent[2] - extent[0], extent[3] - extent[1]) * 0.5);
    asking?.abort();
    asking = new AbortController();
    try {
      const answer = await fetch(`/map/layers.json?bbox=${wanted.map(Math.round).join(',')}`, { signal: asking.signal });
      if (!answer.ok) return;
      const features = FORMAT.readFeatures(await answer.json());
      have = wanted;
      source.clear(true);
      source.addFeatures(features);
      showLegend(features);
    } catch (error) {
      if (error.name !== 'AbortError') console.warn('the land could not be fetched', error);
    }
  });
}

/** What the colours mean, for the kinds that are there. */
function showLegend(features) {
  const legend = document.getElementById('legend');
  if (!legend) return;
  legend.dataset.keep = '';
  const there = new Set(features.map((feature) => feature.get('kind')));
  const items = kinds(there).map(({ className, words }) => {
    const item = document.createElement('li');
    const swatch = document.createElement('i');
    swatch.className = `swatch swatch--${className}`;
    item.append(swatch, words);
    return item;
  });
  legend.replaceChildren(...items);
  legend.hidden = items.length === 0;
}

function startReports(map, source, box, fit) {
  const url = box.dataset.reports;
  if (!url) return;
  let wide = fit;
  const fetchAll = async () => {
    const answer = await fetch(url).catch(() => null);
    if (!answer?.ok) return;
    source.clear(true);
    source.addFeatures(FORMAT.readFeatures(await answer.json()));
    const extent = source.getExtent();
    if (!wide || isEmpty(extent)) return;
    wide = false;
    map.getView().fit(buffer(extent, 60), { padding: [30, 30, 30, 30], minResolution: 0.6 });
  };
  fetchAll();
  document.addEventListener('callout:fresh', fetchAll);
}

/** The place of the call: a pin and a ring. Set by click, by Enter at the centre, or from outside. */
function startPin(map, source, picked, box) {
  const pin = new Feature();
  const ring = new Feature();
  pin.setStyle(pinStyle());
  ring.setStyle(ringStyle);
  source.addFeatures([ring, pin]);
  const set = (at, move) => {
    pin.setGeometry(new Point(at));
    ring.setGeometry(new Circle(at, RING_M));
    if (move) map.getView().fit(buffer([...at, ...at], RING_M * 1.8), { minResolution: 0.4 });
  };
  if (picked) {
    const pick = (at) => {
      set(at, false);
      picked(at);
    };
    map.on('click', (event) => pick(event.coordinate));
    box.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.target !== box || event.ctrlKey) return;
      event.preventDefault();
      pick(map.getView().getCenter());
    });
  }
  const show = (at) => set(at, true);
  show.clear = () => [pin, ring].forEach((each) => each.setGeometry(undefined));
  return show;
}
