import { byId, el, showList, svg } from '../shared/dom.js';
import { stateOf } from './call-state.js';
import { clockTime, duration, shortId } from './format.js';
import { ask } from './stream.js';

const ROW = 30;
const TOP = 46;
/** Of columns and the diagram; narrow screens get narrow ones. */
const MIN_COLUMN = 78;
const MAX_COLUMN = 160;
const MAX_WIDTH = 900;
/** Room for the times at the left, and for one letter of a label. */
const TIME = 58;
const LETTER = 6.6;
const HERE = 'this peer';

let open;
/** What is drawn. */
let shown;

export async function openCall(id) {
  open = { id };
  if (!byId('call').open) byId('call').showModal();
  await load();
  history.replaceState(null, '', `#call=${id}`);
}

/** The call that is shown has changed. */
export function refreshCall(items) {
  if (open !== undefined && items.some(({ id }) => id === open.id)) void load();
}

async function load() {
  const { id } = open;
  const call = await ask(`/calls/${id}`).catch((error) => error);
  if (open?.id !== id) return;
  if (call instanceof Error) byId('ladder').replaceChildren(el('p', { class: 'empty' }, call.message));
  else render(call);
}

function render(call) {
  shown = call;
  byId('call-title').textContent = `${call.from} calls ${call.to}`;
  byId('call-facts').replaceChildren(
    ...facts(call).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))),
  );
  byId('ladder').replaceChildren(draw(call));
  const messages = call.steps.map((step, i) => ({ step, name: `${call.id} ${i}` }));
  const name = (message) => message.name;
  showList(byId('messages'), messages, { key: name, signature: name, make: ({ step }) => toMessage(step) });
}

function facts(call) {
  const { text, look } = stateOf(call);
  const asked = call.ringing && `${Date.parse(call.ringing) - Date.parse(call.begin)} ms`;
  const talked =
    call.answer && duration((call.end ? Date.parse(call.end) : Date.now()) - Date.parse(call.answer));
  return [
    ['State', el('span', { class: `chip ${look}` }, text)],
    ['Answer', call.status === undefined ? 'none yet' : `${call.status} ${call.reason}`],
    ['Began', clockTime(call.begin)],
    ...(asked ? [['Until ringing', asked]] : []),
    ...(talked ? [['Talked', talked]] : []),
    ['Call-ID', el('span', { class: 'mono' }, call.callId)],
  ];
}

/** Who sent or got a message, besides this peer. */
function partyOf({ protocol, address, peer }) {
  if (peer === undefined) return phoneAt(address);
  if (protocol === 'sip') return { key: `sip ${peer}`, kind: 'peer', name: shortId(peer), about: 'peer' };
  return { key: 'overlay', kind: 'overlay', name: 'overlay', about: 'RELOAD' };
}

function phoneAt(address) {
  const at = address.lastIndexOf(':');
  return { key: address, kind: 'phone', name: address.slice(0, at), about: `port ${address.slice(at + 1)}` };
}

/** The caller to the left of this peer, all others to the right, the overlay last. */
function columnsOf(steps) {
  const parties = new Map(steps.map((step) => partyOf(step)).map((party) => [party.key, party]));
  const [caller, ...others] = [...parties.values()];
  const overlay = others.filter(({ kind }) => kind === 'overlay');
  const rest = others.filter(({ kind }) => kind !== 'overlay');
  const here = { key: HERE, kind: 'here', name: HERE, about: 'proxy' };
  return caller === undefined ? [here] : [caller, here, ...rest, ...overlay];
}

function draw({ steps }) {
  const columns = columnsOf(steps);
  const room = byId('ladder').clientWidth || MAX_WIDTH;
  const column = Math.max(MIN_COLUMN, Math.min(MAX_COLUMN, (room - TIME) / columns.length));
  const width = TIME + columns.length * column;
  const height = TOP + steps.length * ROW + 16;
  const x = (key) => TIME + column * (columns.findIndex((each) => each.key === key) + 0.5);
  const root = svg('svg', {
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    class: 'ladder',
    role: 'img',
    'aria-label': 'Ladder diagram; the list of messages below says the same.',
  });
  root.append(arrowHeads(), ...columns.map((each) => head(x(each.key), height, each)));
  steps.forEach((step, i) => {
    root.append(arrow(step, { i, from: x(HERE), to: x(partyOf(step).key), y: TOP + (i + 0.7) * ROW }));
  });
  return root;
}

function arrowHeads() {
  const shape = { viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, orient: 'auto' };
  const make = (id) =>
    svg('marker', { id, ...shape }, svg('path', { d: 'M 0 0.5 L 7.5 4 L 0 7.5 z', class: id }));
  return svg('defs', {}, make('head-sip'), make('head-reload'));
}

function head(x, height, { kind, name, about }) {
  return svg(
    'g',
    { class: `party ${kind}` },
    svg('line', { x1: x, y1: TOP - 6, x2: x, y2: height }),
    svg('text', { x, y: 16, class: 'name' }, name),
    svg('text', { x, y: 32, class: 'about' }, about),
  );
}

function arrow(step, { i, from, to, y }) {
  const { direction, protocol, label, peer, ms, detail = '' } = step;
  const [start, end] = direction === 'out' ? [from, to] : [to, from];
  const through = protocol === 'reload' && peer !== undefined ? ` ${peer.slice(0, 4)}` : '';
  const room = Math.floor(Math.abs(end - start) / LETTER);
  const words = `${label}${through}`;
  return svg(
    'g',
    { class: `step ${protocol}`, click: () => showMessage(i) },
    svg('rect', { x: 0, y: y - 18, width: '100%', height: ROW - 2, class: 'hit' }),
    svg('text', { x: 2, y: y + 4, class: 'ms' }, `+${ms} ms`),
    svg('line', {
      ...{ x1: start, y1: y, x2: end + (end > start ? -2 : 2), y2: y },
      'marker-end': `url(#head-${protocol})`,
    }),
    svg(
      'text',
      { x: (start + end) / 2, y: y - 5, class: 'what' },
      words.length > room ? `${words.slice(0, room - 1)}…` : words,
    ),
    svg('title', {}, `${label} ${detail}`),
  );
}

function showMessage(i) {
  const item = byId('messages').children[i];
  const details = item?.querySelector('details');
  if (details) details.open = true;
  item?.scrollIntoView({ block: 'nearest' });
}

function toMessage(step) {
  const { protocol, direction, ms, address, transport, peer, label, detail, bytes, text } = step;
  const other = peer === undefined ? address : `peer ${shortId(peer)}`;
  const line = [
    el('span', { class: 'dim ms' }, `+${ms} ms`),
    el('span', { class: `chip ${protocol}` }, protocol === 'sip' ? 'SIP' : 'RELOAD'),
    el('strong', {}, label),
    el(
      'span',
      { class: 'dim' },
      `${direction === 'in' ? 'from' : 'to'} ${other}, ${transport}, ${bytes} bytes`,
    ),
  ];
  if (text === undefined) {
    const more = detail === undefined ? undefined : el('span', { class: 'mono dim' }, detail);
    return el('li', {}, el('div', { class: 'line' }, ...line, more));
  }
  return el(
    'li',
    {},
    el('details', {}, el('summary', { class: 'line' }, ...line), el('pre', { tabindex: 0 }, text)),
  );
}

function close() {
  open = undefined;
  byId('call').close();
}

byId('call-close').addEventListener('click', close);
byId('call').addEventListener('close', () => {
  open = undefined;
  history.replaceState(null, '', location.pathname);
});
byId('call').addEventListener('click', (event) => {
  if (event.target === byId('call')) close();
});
new ResizeObserver(() => {
  if (open !== undefined && shown !== undefined) byId('ladder').replaceChildren(draw(shown));
}).observe(byId('call'));
const asked = /^#call=(\d+)$/.exec(location.hash)?.[1];
if (asked !== undefined) void openCall(asked);
