// Checks docs/rfc-matrix.md against the tests: each row that claims something must link to test files, and each of these
// must have a test whose title names the row's id. A row that claims nothing must not be proved by any test.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const matrix = path.join(root, 'docs/rfc-matrix.md');
const states = ['full', 'partial', 'none'];

/**
 * What the titles of a test file's tests name: A13, T7b, RFC 5393. The timers of RFC 3261 are called like trap rows, so T ids
 * count only before a title's colon. In the SIP tests a section sign without an RFC is RFC 3261's.
 */
function namedIds(file) {
  const ids = new Set();
  for (const [, , title] of readFileSync(file, 'utf8').matchAll(
    /\b(?:test(?:\.serial)?|behaviour)\(\s*(['"`])([^\n]*?)\1/g,
  )) {
    for (const id of title.match(/\b[A-SU-Z]\d+[a-z]?\b|\bRFC \d{4}\b/g) ?? []) ids.add(id);
    for (const id of title.split(':')[0].match(/\bT\d+b?\b/g) ?? []) ids.add(id);
    for (const [id] of title.matchAll(/\bRFC 3261 §\d+/g)) ids.add(id);
    if (!file.includes('/sip/')) continue;
    for (const [, section] of title.matchAll(/§(\d+)/g)) ids.add(`RFC 3261 §${section}`);
  }
  return ids;
}

function testFiles(directory) {
  return readdirSync(directory, { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => path.join(directory, name));
}

const idsOf = new Map(testFiles(path.join(root, 'test')).map((file) => [file, namedIds(file)]));
const faults = [];
const seen = new Set();
const count = { full: 0, partial: 0, none: 0 };

for (const line of readFileSync(matrix, 'utf8').split('\n')) {
  const [, id, , state, tests] = line.split('|').map((cell) => cell.trim());
  if (!/^([A-Z]\d+[a-z]?|RFC \d+( §\d+)?)$/.test(id ?? '')) continue;
  if (seen.has(id)) faults.push(`${id} stands twice`);
  seen.add(id);
  if (!states.includes(state)) faults.push(`${id} has the state "${state}"`);
  else count[state]++;
  const files = [...(tests ?? '').matchAll(/\]\(([^)]+)\)/g)].map(([, link]) =>
    path.resolve(root, 'docs', link),
  );
  if (state !== 'none' && files.length === 0) faults.push(`${id} is ${state} without a test`);
  for (const file of files) {
    if (!existsSync(file)) faults.push(`${id}: there is no ${path.relative(root, file)}`);
    else if (!idsOf.get(file)?.has(id))
      faults.push(`${id}: no test in ${path.relative(root, file)} names it`);
  }
  if (state === 'none') {
    for (const [file, ids] of idsOf) {
      if (ids.has(id)) faults.push(`${id} is "none", but ${path.relative(root, file)} names it`);
    }
  }
}
for (const [file, ids] of idsOf) {
  for (const id of ids)
    if (/^[A-Z]\d/.test(id) && !seen.has(id))
      faults.push(`${path.relative(root, file)} names ${id}, which has no row`);
}

console.log(faults.join('\n'));
console.log(`${seen.size} rows: ${count.full} full, ${count.partial} partial, ${count.none} none`);
process.exitCode = faults.length === 0 ? 0 : 1;
