// Builds the console into target/web/: styles by Sass, scripts by esbuild, each file with a hash in its name and a gzip
// twin where that is smaller. The manifest is written last: with it the build is whole. Run by `cargo xtask web`.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import * as sass from 'sass';

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(here, '../../../target/web');
const manifest = { files: {} };

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

/** Writes one file under its hashed name. `plain` is what templates ask for. */
function put(plain, bytes) {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 10);
  const dot = plain.lastIndexOf('.');
  keep(`${plain.slice(0, dot)}.${hash}${plain.slice(dot)}`, plain, bytes);
}

function keep(name, plain, bytes) {
  const packed = gzipSync(bytes, { level: 9 });
  writeFileSync(join(out, name), bytes);
  const smaller = packed.length < bytes.length;
  if (smaller) writeFileSync(join(out, `${name}.gz`), packed);
  manifest.files[plain] = { name, bytes: bytes.length, gzip: smaller ? packed.length : null };
}

for (const sheet of ['app', 'phone', 'wall']) {
  const { css } = sass.compile(join(here, 'scss', `${sheet}.scss`), {
    loadPaths: [join(here, 'node_modules')],
    style: 'compressed',
    quietDeps: true,
  });
  put(`${sheet}.css`, Buffer.from(css));
}

// Scripts. Chunks that a page may not need (map, chart, desk) are split off and fetched on use.
const bundle = await esbuild.build({
  entryPoints: ['app', 'phone', 'wall'].map((name) => join(here, 'js', `${name}.js`)),
  bundle: true,
  minify: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  outdir: out,
  entryNames: '[name].[hash]',
  chunkNames: '[name].[hash]',
  legalComments: 'none',
  metafile: true,
  write: false,
  logLevel: 'warning',
});
for (const file of bundle.outputFiles) {
  const name = basename(file.path);
  const [stem] = name.split('.');
  keep(name, stem === 'chunk' ? name : `${stem}.js`, Buffer.from(file.contents));
}

for (const icon of readdirSync(join(here, 'icons')).sort()) put(icon, readFileSync(join(here, 'icons', icon)));

// The licences of what was bundled travel with it.
const used = new Set(['govuk-frontend']);
for (const input of Object.keys(bundle.metafile.inputs)) {
  const inside = input.split('node_modules/').at(-1);
  if (inside === input) continue;
  const [first, second] = inside.split('/');
  used.add(first.startsWith('@') ? `${first}/${second}` : first);
}
let notices = 'Software of others inside the console, with its licences.\n';
for (const name of [...used].sort()) {
  const folder = join(here, 'node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json')));
  const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE', 'license', 'LICENSE-MIT'].find((each) => existsSync(join(folder, each)));
  notices += `\n\n=== ${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), 'utf8').trim() : 'See its package.'}\n`;
}
put('licences.txt', Buffer.from(notices));

writeFileSync(join(out, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
const kb = (n) => `${(n / 1000).toFixed(1)} kB`.padStart(9);
for (const [plain, { bytes, gzip }] of Object.entries(manifest.files)) console.log(plain.padEnd(24), kb(bytes), 'gz', kb(gzip ?? bytes));
