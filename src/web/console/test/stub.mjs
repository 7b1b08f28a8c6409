// A stand-in for the daemon: serves the previews of `CALLOUT_PREVIEW=1 cargo test --lib web::pages` with the built
// assets, an invented town, and live events sent on demand. For trying the console alone; it decides nothing.

import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const target = resolve(dirname(fileURLToPath(import.meta.url)), '../../../../target');
const preview = (name) => readFileSync(join(target, 'console-preview', `${name}.html`), 'utf8');
export const havePreviews = () => existsSync(join(target, 'console-preview', 'incident.html')) && existsSync(join(target, 'web', 'manifest.json'));

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const TYPES = { '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml', '.txt': 'text/plain' };
const PAGES = { '/': 'start-demo', '/start': 'start', '/contacts/new': 'contact', '/incidents': 'incidents', '/rota': 'rota', '/log': 'log', '/wall': 'wall', '/outbox': 'outbox', '/sign-in': 'sign-in' };

const area = (kind, name, ring) => ({ type: 'Feature', properties: { kind, name }, geometry: { type: 'Polygon', coordinates: [[...ring, ring[0]]] } });
const line = (name, points) => ({ type: 'Feature', properties: { kind: 'adopted_highway', name }, geometry: { type: 'LineString', coordinates: points } });
const report = (letter, id, at) => ({ type: 'Feature', properties: { letter, id }, geometry: { type: 'Point', coordinates: at } });
const box = (x, y, w, h) => [[x, y], [x + w, y], [x + w, y + h], [x, y + h]];

function town() {
  const houses = [];
  for (let n = 0; n < 16; n += 1) houses.push(area('building', '', box(349_110 + n * 36, 325_262 - n * 5, 15, 13)), area('building', '', box(349_120 + n * 36, 325_332 - n * 5, 14, 16)));
  return {
    type: 'FeatureCollection',
    features: [
      area('main_river', 'River Wex', [[349_000, 325_560], [349_300, 325_470], [349_800, 325_400], [349_800, 325_450], [349_310, 325_525], [349_000, 325_620]]),
      area('council_land', 'Riverside Meadow', [[349_020, 325_400], [349_280, 325_360], [349_300, 325_450], [349_020, 325_530]]),
      area('housing_association', 'Orchard estate', box(349_600, 325_060, 160, 130)),
      area('registered_title', 'Wharf Retail Park', box(349_520, 325_500, 200, 150)),
      line('Mill Street', [[349_000, 325_318], [349_400, 325_300], [349_800, 325_220]]),
      line('High Street', [[349_420, 325_000], [349_440, 325_300], [349_500, 325_700]]),
      line('Tanners Row', [[349_230, 325_000], [349_245, 325_305]]),
      ...houses,
    ],
  };
}
const reports = { type: 'FeatureCollection', features: [report('F', 'C-1042', [349_420, 325_304]), report('F', 'C-1047', [349_360, 325_312]), report('F', 'C-1050', [349_310, 325_299]), report('R', 'C-1039', [349_440, 325_350]), report('T', 'C-1051', [349_490, 325_190])] };

/** Starts it on a free port of the loopback. `changed(entry)` adds an entry to the room and tells every page. */
export async function startStub() {
  const listeners = new Set();
  const seen = [];
  let extra = '';
  let mute = false;
  let down = false;
  let owner = 'nobody';
  const html = (response, name, status = 200) => {
    let text = preview(name);
    if (name === 'incident') text = text.replace(/(<ol class="timeline"[^>]*>)/, `$1${extra}`);
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY, 'referrer-policy': name.startsWith('phone') ? 'no-referrer' : 'same-origin', 'cache-control': 'no-store' });
    response.end(text);
  };
  const json = (response, value) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://stub');
    if (request.method === 'POST') {
      let body = '';
      for await (const piece of request) body += piece;
      const form = new URLSearchParams(body);
      seen.push({ path: pathname, form });
      if (pathname.startsWith('/p/')) owner = form.get('answer') === 'ack' ? 'me' : 'declined';
      if (pathname === '/contacts/repeats') return json(response, form.get('phone')?.endsWith('417') ? { total: 1, contacts: [{ id: 'C-1001', title: 'Flooding', detail: '25 min ago', promised: 'PROMISE MISSED: 01:40', late: true }] } : { total: 0, contacts: [] });
      if (pathname.endsWith('/undo')) return json(response, { logged: null, problems: [] });
      if (pathname === '/contacts' && request.headers.accept?.includes('json')) {
        if (down) return request.socket.destroy();
        return json(response, { logged: { id: `C-${20_417 + seen.filter((each) => each.path === '/contacts').length}`, body: 'Wexmoor Council, highways', counted: ['flooding'], incident: { value: '/incidents/INC-42', label: 'INC-42' } }, problems: [] });
      }
      if (pathname === '/contacts') return html(response, form.get('topic') ? 'contact-logged' : 'contact-errors', form.get('topic') ? 200 : 400);
      response.writeHead(303, { location: request.headers.referer ?? pathname });
      return response.end();
    }
    if (pathname === '/live') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
      response.write('event: beat\ndata:\n\n');
      listeners.add(response);
      return request.on('close', () => listeners.delete(response));
    }
    if (pathname === '/map/reports.json') return json(response, reports);
    if (pathname === '/map/layers.json') return json(response, town());
    if (pathname.endsWith('/map.json')) return json(response, reports);
    if (pathname === '/land') {
      const reply = JSON.parse(readFileSync(join(target, 'console-preview', 'land.json'), 'utf8'));
      const typed = searchParams.get('q') ?? '';
      if (/^mill$/i.test(typed)) return json(response, { ...reply, place: null, owner: null, nearby: [], nearby_total: 0 });
      const known = /mill st|3494/i.test(typed);
      return json(response, known ? reply : { problem: 'Not a place that callout can read yet.', matches: [], nearby: [] });
    }
    if (pathname.startsWith('/assets/')) {
      const file = join(target, 'web', pathname.slice(8));
      if (!existsSync(file)) return response.writeHead(404).end();
      const packed = existsSync(`${file}.gz`);
      response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', ...(packed && { 'content-encoding': 'gzip' }) });
      return response.end(readFileSync(packed ? `${file}.gz` : file));
    }
    if (pathname.startsWith('/p/')) return html(response, { nobody: 'phone', me: 'phone-mine', declined: 'phone-declined', other: 'phone-taken' }[owner]);
    if (/^\/incidents\/INC-\d+$/.test(pathname)) return html(response, 'incident');
    const named = pathname.startsWith('/preview/') ? pathname.slice(9) : PAGES[pathname];
    return named ? html(response, named) : html(response, 'error-404', 404);
  });
  const beat = setInterval(() => mute || listeners.forEach((each) => each.write('event: beat\ndata:\n\n')), 2_000);
  await new Promise((ready) => server.listen(Number(process.env.STUB_PORT ?? 0), '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    seen,
    reset: () => (owner = 'nobody'),
    takenByOther: () => (owner = 'other'),
    mute: (now) => (mute = now),
    down: (now) => (down = now),
    changed: (words) => {
      extra = `<li class="timeline__item timeline__item--note" id="e${9_000 + extra.length}"><h3>${words}</h3><p class="timeline__at"><time datetime="2026-11-22T02:15:00Z">02:15:00</time></p></li>${extra}`;
      listeners.forEach((each) => each.write('event: changed\ndata: INC-42\n\n'));
    },
    stop: () => {
      clearInterval(beat);
      server.closeAllConnections();
      server.close();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log((await startStub()).url);
