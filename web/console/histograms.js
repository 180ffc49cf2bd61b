import { byId, el, svg } from '../shared/dom.js';
import { number, shortDuration } from './format.js';

const WIDTH = 320;
const HEIGHT = 120;
const FLOOR = 22;
const charts = new Map();
const ringTimes = new Map();
/** s */
const RING_BUCKETS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/** Cumulative counts, as Prometheus has them. */
export function showDistributions({ lookup, hops }) {
  draw(
    'lookup',
    'Lookups in the overlay',
    bars(lookup, shortDuration),
    lookup && `mean ${shortDuration(mean(lookup))}`,
  );
  draw('hops', 'Links an answer crossed', bars(hops, String), hops && `mean ${number(mean(hops))}`);
}

/** From the calls that are listed: how long it took until it rang. */
export function noteRinging({ id, begin, ringing }) {
  if (ringing === undefined) return;
  ringTimes.set(id, (Date.parse(ringing) - Date.parse(begin)) / 1000);
  if (ringTimes.size > 1000) ringTimes.delete(ringTimes.keys().next().value);
}

export function showRinging() {
  const times = [...ringTimes.values()];
  const buckets = [...RING_BUCKETS, '+Inf'].map((le) => ({
    le,
    count: le === '+Inf' ? times.length : times.filter((time) => time <= le).length,
  }));
  const sum = times.reduce((total, time) => total + time, 0);
  const all = { count: times.length, sum, buckets };
  draw('ringing', 'INVITE to ringing', bars(all, shortDuration), `mean ${shortDuration(mean(all))}`);
}

function mean({ sum, count }) {
  return count === 0 ? 0 : sum / count;
}

/** Each with its own count; empty ones at both ends left out. */
function bars(distribution, name) {
  if (distribution === undefined || distribution.count === 0) return [];
  const all = distribution.buckets.map(({ le, count }, i) => ({
    label: le === '+Inf' ? `> ${name(distribution.buckets[i - 1].le)}` : `≤ ${name(le)}`,
    tick: le === '+Inf' ? '…' : name(le),
    count: count - (distribution.buckets[i - 1]?.count ?? 0),
  }));
  const first = all.findIndex(({ count }) => count > 0);
  const last = all.findLastIndex(({ count }) => count > 0);
  return all.slice(Math.max(0, first - 1), Math.max(last + 2, first + 4));
}

function draw(key, title, list, note) {
  let chart = charts.get(key);
  if (chart === undefined) {
    chart = el('figure', {});
    charts.set(key, chart);
    byId('histograms').append(chart);
  }
  const total = list.reduce((sum, { count }) => sum + count, 0);
  const caption = el(
    'figcaption',
    {},
    title,
    el('span', { class: 'dim' }, total > 0 ? ` ${number(total)}, ${note}` : ''),
  );
  chart.replaceChildren(caption, total > 0 ? picture(title, list) : el('p', { class: 'empty' }, 'none yet'));
}

function picture(title, list) {
  const top = Math.max(...list.map(({ count }) => count));
  const step = WIDTH / list.length;
  const words = list.filter(({ count }) => count > 0).map(({ label, count }) => `${label}: ${count}`);
  const root = svg('svg', {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: 'img',
    'aria-label': `${title}. ${words.join(', ')}`,
  });
  list.forEach(({ label, tick, count }, i) => {
    const height = ((HEIGHT - FLOOR - 14) * count) / top;
    const x = i * step;
    const y = HEIGHT - FLOOR - height;
    root.append(
      svg(
        'rect',
        { class: 'bar', x: x + 2, y, width: Math.max(1, step - 4), height, rx: 2 },
        svg('title', {}, `${label}: ${count}`),
      ),
    );
    if (count > 0) root.append(svg('text', { x: x + step / 2, y: y - 3, class: 'count' }, number(count)));
    if (list.length <= 6 || i % 2 === 0)
      root.append(svg('text', { x: x + step / 2, y: HEIGHT - 7, class: 'tick' }, tick));
  });
  return root;
}
