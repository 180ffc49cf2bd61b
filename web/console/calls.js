import { byId, el, showList } from '../shared/dom.js';
import { stateOf } from './call-state.js';
import { clockTime, duration } from './format.js';
import { noteRinging, showRinging } from './histograms.js';
import { openCall, refreshCall } from './ladder.js';
import { ask } from './stream.js';
import { showRunning } from './tiles.js';

const PAGE = 50;
const KINDS = {
  all: () => true,
  running: ({ state }) => state !== 'over',
  failed: ({ status, state }) => state === 'over' && status >= 400 && status !== 487,
};
/** As many as the page may come to hold while it is open. */
const MAX_KEPT = 500;

/** By id, as they came; drawn newest first. */
const calls = new Map();
let counts = { running: 0, kept: 0, passedBy: 0 };
let shown = 14;

/** All the peer has of the last ones, or those that changed. */
export function showCalls({ whole, items, ...page }) {
  if (whole) calls.clear();
  counts = page;
  take(items);
  refreshCall(items);
  render();
}

function take(items) {
  for (const call of items) {
    calls.set(call.id, call);
    noteRinging(call);
  }
  const ids = [...calls.keys()].sort((a, b) => b - a);
  for (const id of ids.slice(MAX_KEPT)) calls.delete(id);
}

function render() {
  const wanted = byId('calls-search').value.toLowerCase();
  const isWanted = KINDS[byId('calls-which').value];
  const found = [...calls.values()]
    .filter(
      (call) => isWanted(call) && `${call.from} ${call.to} ${call.callId}`.toLowerCase().includes(wanted),
    )
    .sort((a, b) => b.id - a.id);
  showList(byId('calls'), found.slice(0, shown), {
    key: ({ id }) => id,
    signature: (call) => `${JSON.stringify(call)} ${lasted(call)}`,
    make: toRow,
  });
  byId('calls-empty').hidden = found.length > 0;
  byId('calls-empty').textContent =
    calls.size === 0
      ? 'No call has passed yet. As soon as a phone calls, its messages are drawn here.'
      : 'No such call.';
  byId('calls-more').hidden = found.length <= shown && calls.size >= counts.running + counts.kept;
  const { running, kept, passedBy } = counts;
  const more = passedBy > 0 ? `, ${passedBy} more came too fast to be listed` : '';
  byId('calls-count').textContent = `${running} in progress, ${kept} before${more}`;
  showRunning(running);
  showRinging();
}

function toRow(call) {
  const { text, look } = stateOf(call);
  const row = el(
    'button',
    { type: 'button', class: 'row', click: () => openCall(call.id), 'data-call': call.id },
    el('span', { class: `chip ${look}` }, text),
    el(
      'span',
      { class: 'pair' },
      call.from,
      el('span', { class: 'arrow', 'aria-hidden': true }, ' → '),
      el('span', { class: 'visually-hidden' }, ' calls '),
      call.to,
    ),
    el('span', { class: 'dim when' }, `${clockTime(call.begin)}${lasted(call)}`),
  );
  return el('li', {}, row);
}

function lasted({ answer, end }) {
  if (answer === undefined) return '';
  return `, ${duration((end === undefined ? Date.now() : Date.parse(end)) - Date.parse(answer))}`;
}

byId('calls-search').addEventListener('input', async () => {
  render();
  const match = byId('calls-search').value;
  if (match === '') return;
  // Those that this page does not hold.
  const page = await ask(`/calls?limit=${PAGE}&match=${encodeURIComponent(match)}`).catch(() => undefined);
  if (page !== undefined) take(page.items);
  render();
});

byId('calls-which').addEventListener('change', render);

byId('calls-more').addEventListener('click', async () => {
  shown += PAGE;
  if (calls.size < shown) {
    const page = await ask(`/calls?limit=${PAGE}&offset=${calls.size}`).catch(() => undefined);
    if (page !== undefined) take(page.items);
  }
  render();
});

// Durations of calls in progress grow.
setInterval(() => {
  if ([...calls.values()].some(({ state }) => state === 'talking')) render();
}, 1000);
