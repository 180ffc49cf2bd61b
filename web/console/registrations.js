import { byId, el, showList } from '../shared/dom.js';
import { clockTime, counted, number } from './format.js';
import { showRecord } from './ring.js';
import { ask } from './stream.js';

const PAGE = 10;
/** A list that changes all the time is read again this often, ms. */
const REST_MS = 5000;

let offset = 0;
let total = 0;
let known = '';
let timer;
let readAt = 0;

/** Tells whether users came or went; the list itself is asked for. */
export function showUsers({ registrations }) {
  const now = JSON.stringify(registrations);
  byId('users-count').textContent =
    `${counted(registrations.aors, 'user')}, ${counted(registrations.bindings, 'phone')}`;
  if (now === known) return;
  known = now;
  timer ??= setTimeout(load, Math.max(300, readAt + REST_MS - Date.now()));
}

async function load() {
  clearTimeout(timer);
  timer = undefined;
  readAt = Date.now();
  const match = byId('users-search').value.trim();
  const query = `limit=${PAGE}&offset=${offset}&match=${encodeURIComponent(match)}`;
  const page = await ask(`/registrations?${query}`).catch(() => undefined);
  if (page === undefined) return;
  total = page.total;
  showList(byId('users'), page.items, { key: ({ aor }) => aor, signature: JSON.stringify, make: toItem });
  byId('users-empty').hidden = page.items.length > 0;
  byId('users-empty').textContent =
    match === '' ? 'Nobody is registered at this peer.' : 'No user has that in the name.';
  const last = Math.min(offset + PAGE, total);
  byId('users-pages').hidden = total <= PAGE;
  byId('users-page').textContent = `${number(offset + 1)} to ${number(last)} of ${number(total)}`;
  byId('users-before').disabled = offset === 0;
  byId('users-after').disabled = last >= total;
}

function toItem({ aor, bindings, publishedUntil }) {
  const phones = counted(bindings.length, 'phone');
  const stored =
    publishedUntil === undefined ? 'not in the overlay' : `in the overlay until ${clockTime(publishedUntil)}`;
  const summary = el(
    'summary',
    {},
    el('span', { class: 'pair' }, aor),
    el('span', { class: 'dim when' }, `${phones}, ${stored}`),
  );
  const contacts = bindings.map(({ contact, transport, source, expiresAt }) =>
    el(
      'li',
      {},
      el('span', { class: 'mono' }, contact),
      el('span', { class: 'dim' }, `${transport} from ${source}, until ${clockTime(expiresAt)}`),
    ),
  );
  const button = el(
    'button',
    { type: 'button', click: () => locate(aor, button) },
    'Show its record on the ring',
  );
  return el(
    'li',
    {},
    el('details', { class: 'user' }, summary, el('ul', { class: 'contacts' }, ...contacts), button),
  );
}

async function locate(aor, button) {
  button.disabled = true;
  try {
    showRecord(await ask(`/holders/${encodeURIComponent(aor)}`));
    byId('ring-panel').scrollIntoView({ block: 'nearest' });
  } catch (error) {
    byId('ring-record').textContent = `The record of ${aor} was not found: ${error.message}`;
  } finally {
    button.disabled = false;
  }
}

function turn(pages) {
  offset = Math.max(0, offset + pages * PAGE);
  void load();
}

byId('users-before').addEventListener('click', () => turn(-1));
byId('users-after').addEventListener('click', () => turn(1));
byId('users-search').addEventListener('input', () => {
  offset = 0;
  void load();
});
// Times of bindings move on while their number stays.
setInterval(() => {
  if (total > 0 && !document.hidden) timer ??= setTimeout(load, 0);
}, REST_MS * 4);
