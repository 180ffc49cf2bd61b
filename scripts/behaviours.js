#!/usr/bin/env node
// Writes docs/behaviours.md from the titles of test/behaviours: section, what the edge does, where it is proved, and what
// Kamailio does where that differs (a comment `// Kamailio: ...` right above the test).
// `--check` writes nothing: exit 1 when the file is not as it would be written, or there are fewer than there were to be.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const directory = path.join(root, 'test/behaviours');
const target = path.join(root, 'docs/behaviours.md');
const AT_LEAST = 150;

const BEHAVIOUR =
  /(?:^\/\/ Kamailio: (?<kamailio>[^\n]*(?:\n\/\/ [^\n]*)*)\n)?^behaviour\(\s*(?<quote>['"])(?<title>.*?)\k<quote>,/gms;
const TITLE = /^(?<section>RFC \d+ §[^:]*): (?<text>.+)$/s;

const faults = [];
const seen = new Set();
const rows = [];
let overTheWire = 0;
const files = readdirSync(directory).filter((name) => name.endsWith('.test.ts'));
for (const file of files.sort()) {
  const source = readFileSync(path.join(directory, file), 'utf8');
  const name = file.replace('.test.ts', '');
  let found = 0;
  for (const { groups } of source.matchAll(BEHAVIOUR)) {
    found += 1;
    const title = TITLE.exec(groups.title)?.groups;
    if (title === undefined) faults.push(`${file}: "${groups.title}" names no section`);
    if (seen.has(groups.title)) faults.push(`${file}: "${groups.title}" stands twice`);
    seen.add(groups.title);
    const kamailio = groups.kamailio?.replaceAll('\n// ', ' ') ?? '';
    const cells = [title?.section, title?.text, `[${name}](../test/behaviours/${file})`, kamailio];
    rows.push(cells.map(escaped));
  }
  if (found !== (source.match(/^behaviour\(/gm) ?? []).length)
    faults.push(`${file}: a title is not a plain text`);
  if (name.startsWith('over-')) overTheWire += found;
}

function escaped(cell = '') {
  return cell.replaceAll('|', '\\|');
}

/** In columns, as the formatter wants it. */
function table(head, body) {
  const widths = head.map((cell, column) => Math.max(cell.length, ...body.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

/** `RFC 3261 §10.3 step 7` as numbers, for the order. */
function key(section) {
  return (section.match(/\d+/g) ?? []).map((number) => number.padStart(6, '0')).join('.');
}
rows.sort(([a], [b]) => key(a).localeCompare(key(b)));

if (rows.length < AT_LEAST) faults.push(`only ${rows.length} behaviours, ${AT_LEAST} are to be proved`);

const text = `# Behaviours of the SIP edge

${rows.length} things a registrar and proxy has to do, each a test against the running edge: registrar, proxy, transactions and
transports as a gateway composes them. ${overTheWire} run against the process itself over UDP and TCP (\`over-the-wire\`), the others in
virtual time on a simulated network, so that timer C takes no three minutes. The phones of these tests share no code with the edge.
\`scripts/behaviours.js\` writes this table from the tests' titles, and \`npm test\` holds it to them.

The last column says what Kamailio 5.6 does, with the configuration that its Debian package brings, where it was asked the same and
answers otherwise.

${table(['section', 'what the edge does', 'proved by', 'Kamailio'], rows)}
`;

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text)
    faults.push('docs/behaviours.md is out of date: run scripts/behaviours.js');
} else {
  writeFileSync(target, text);
}
console.error(faults.join('\n'));
console.log(`${rows.length} behaviours`);
process.exitCode = faults.length === 0 ? 0 : 1;
