import { byId, el, svg } from '../shared/dom.js';
import { number } from './format.js';

/** Values drawn behind a number: two minutes of them, one every other second. */
const HISTORY = 60;
const WIDTH = 120;
const HEIGHT = 28;

const tiles = new Map();
const order = [
  ['calls', 'calls in progress'],
  ['users', 'users, phones'],
  ['requests', 'SIP requests/s'],
  ['registers', 'REGISTERs/s'],
  ['reload', 'RELOAD messages/s'],
  ['links', 'links, values held'],
  ['cpu', 'CPU %'],
  ['memory', 'memory MB'],
];
let last;

export function showStatus({ registrations, links, storedValues }) {
  tile('users').value.textContent = `${number(registrations.aors)}, ${number(registrations.bindings)}`;
  tile('links').value.textContent = `${number(links)}, ${number(storedValues)}`;
}

export function showRunning(running) {
  tile('calls').value.textContent = number(running);
}

/** Counters become rates between two of these. */
export function showTotals(totals) {
  plot('memory', totals.memoryBytes / 1e6);
  if (last !== undefined && totals.at > last.at) {
    const seconds = (totals.at - last.at) / 1000;
    const rate = (key) => Math.max(0, totals[key] - last[key]) / seconds;
    for (const key of ['requests', 'registers', 'reload']) plot(key, rate(key));
    plot('cpu', 100 * rate('cpuS'));
  }
  last = totals;
}

function plot(key, value) {
  const { value: text, history, line } = tile(key);
  text.textContent = number(value);
  history.push(value);
  if (history.length > HISTORY) history.shift();
  const top = Math.max(...history, 1e-9) * 1.1;
  const points = history.map(
    (each, i) =>
      `${(WIDTH * (HISTORY - history.length + i)) / (HISTORY - 1)},${HEIGHT - (HEIGHT * each) / top}`,
  );
  line.setAttribute('points', points.join(' '));
}

function tile(key) {
  if (tiles.size === 0) for (const [name, label] of order) byId('tiles').append(make(name, label));
  return tiles.get(key);
}

function make(key, label) {
  const value = el('strong', {}, '–');
  const line = svg('polyline', { class: 'spark', points: '' });
  const picture = svg(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': true },
    line,
  );
  tiles.set(key, { value, line, history: [] });
  return el('li', { class: 'tile' }, el('span', {}, label), value, picture);
}
