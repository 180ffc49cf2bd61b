#!/usr/bin/env node
// Holds the source to the import rules of ARCHITECTURE.md: who may import whom, no cycles, and no clock, randomness or
// socket but through the ports. Prints one line a breach, exit 1. Usage: check-imports.js [project directory]
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Layer → the layers it may import besides itself. */
const LAYERS = {
  base: [],
  net: ['base'],
  sip: ['base'],
  reload: ['base'],
  p2psip: ['base', 'sip', 'reload'],
  gateway: ['base', 'net', 'sip', 'reload', 'p2psip'],
};

/** Inside these layers a folder may import only itself and the folders before it. */
const ORDER = {
  sip: ['message', 'overload', 'transport', 'transaction', 'resolve', 'auth', 'registrar', 'media', 'proxy'],
  reload: [
    ...['wire', 'messages', 'security', 'document', 'topology', 'storage', 'link', 'nat', 'forwarding'],
    ...['usages', 'enrollment', 'discovery', 'node'],
  ],
};

/** The simulated world is for tests, benchmarks, simulations and the testnet. */
const VIRTUAL = 'base/virtual/';
const MAY_USE_VIRTUAL = [VIRTUAL, 'gateway/testnet/', 'gateway/sim/'];

/** Layers whose time, randomness and network arrive as ports. */
const PORTS_ONLY = ['sip', 'reload', 'p2psip'];
const FORBIDDEN_MODULES =
  /^(node:)?(net|dgram|tls|dns|http2?|https|timers|fs|child_process|worker_threads|cluster|process|os)(\/|$)|^(ws|lmdb|winston|prom-client|commander|yaml)$/;
const FORBIDDEN_CALLS = [
  [/(?<![.\w])(setTimeout|setInterval|setImmediate)\s*\(/, 'use the Clock port'],
  [/\bDate\.now\s*\(|\bnew Date\(\s*\)|\bperformance\.now\s*\(|\bprocess\.hrtime\b/, 'use the Clock port'],
  [/\bMath\.random\s*\(|\brandom(Bytes|UUID|Int)\s*\(|\bgetRandomValues\s*\(/, 'use the Random port'],
  [/\bprocess\.env\b|\bconsole\.\w+\s*\(/, 'only gateway sees the environment'],
];

const IMPORT =
  /(?:^|[;}\s])(?:import|export)\s+(?:[^'";]*?\sfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;

/**
 * @param {string} root directory with `src` in it
 * @returns {string[]} one line a breach, `src/file.ts: what`
 */
export function checkImports(root) {
  const source = join(root, 'src');
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(source, join(entry.parentPath ?? entry.path, entry.name)).replaceAll('\\', '/'))
    .sort();
  const graph = new Map();
  const breaches = [];
  for (const file of files) {
    const text = withoutComments(readFileSync(join(source, file), 'utf8'));
    const targets = [];
    for (const match of text.matchAll(IMPORT)) {
      const specifier = match[1] ?? match[2];
      if (!specifier.startsWith('.')) {
        breaches.push(...moduleBreaches(file, specifier));
        continue;
      }
      const target = relative(source, resolve(source, dirname(file), specifier)).replaceAll('\\', '/');
      // Types are gone at run time: two classes may know each other's.
      if (!/^\W*(import|export)\s+type\b/.test(match[0])) targets.push(target);
      breaches.push(...importBreaches(file, target));
    }
    graph.set(file, targets);
    breaches.push(...callBreaches(file, text), ...barrelBreaches(file));
  }
  return [...breaches, ...findCycles(graph)].map((breach) => `src/${breach}`);
}

function* importBreaches(file, target) {
  const [layer] = file.split('/');
  const [other] = target.split('/');
  if (target.startsWith('..')) {
    yield `${file}: imports ${target}, which is outside src`;
  } else if (layer !== other && !LAYERS[layer]?.includes(other)) {
    yield `${file}: ${layer} must not import ${other} (${target})`;
  } else if (target.startsWith(VIRTUAL) && !MAY_USE_VIRTUAL.some((prefix) => file.startsWith(prefix))) {
    yield `${file}: ${target} is for tests and simulations`;
  } else if (layer === other && ORDER[layer] !== undefined) {
    yield* orderBreaches(layer, file, target);
  }
}

/** Imports run leftward in the folder order; the layer's own index.ts stands right of all. */
function* orderBreaches(layer, file, target) {
  const place = (path) => {
    const parts = path.split('/');
    return parts.length === 2 ? ORDER[layer].length : ORDER[layer].indexOf(parts[1]);
  };
  if (place(file) === -1) yield `${file}: ${layer} has no folder of that name in its order`;
  else if (place(target) > place(file)) yield `${file}: ${target} stands to the right of it in ${layer}`;
}

function* moduleBreaches(file, specifier) {
  if (PORTS_ONLY.includes(file.split('/')[0]) && FORBIDDEN_MODULES.test(specifier)) {
    yield `${file}: imports ${specifier}; use a port`;
  }
}

function* callBreaches(file, text) {
  if (!PORTS_ONLY.includes(file.split('/')[0])) return;
  for (const [pattern, mend] of FORBIDDEN_CALLS) {
    const match = pattern.exec(text);
    if (match !== null) yield `${file}: ${match[0].trim()} is bare; ${mend}`;
  }
}

/** One index.ts a layer, none further in. */
function* barrelBreaches(file) {
  if (file.endsWith('/index.ts') && file.split('/').length > 2) yield `${file}: is an inner barrel`;
}

/** Depth first; each cycle is told once, from the file where it was met. */
function findCycles(graph) {
  const state = new Map();
  const cycles = [];
  const visit = (file, path) => {
    if (state.get(file) === 'done' || !graph.has(file)) return;
    if (state.get(file) === 'open') {
      const cycle = path.slice(path.indexOf(file));
      cycles.push(`${file}: imports itself by way of ${[...cycle.slice(1), file].join(', ')}`);
      return;
    }
    state.set(file, 'open');
    for (const target of graph.get(file)) visit(target, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}

/** Comments may name what code may not; strings are kept, since imports are in them. */
function withoutComments(text) {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|\/\*[\s\S]*?\*\/|(?<!:)\/\/[^\n]*/g,
    (_, string) => string ?? ' ',
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
  const breaches = checkImports(root);
  for (const breach of breaches) console.error(breach);
  if (breaches.length > 0) process.exit(1);
}
