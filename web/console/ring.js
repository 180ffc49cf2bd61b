import { byId, el, showList, svg } from '../shared/dom.js';
import { number, shortId } from './format.js';

const SIZE = 360;
const CENTRE = SIZE / 2;
const RADIUS = 132;
const LABEL_RADIUS = RADIUS + 24;
/** Labels nearer than this on the circle would lie over one another. */
const LABEL_GAP = 0.16;

let ring;
let record;

export function showRing(view) {
  ring = view;
  render();
}

/** A record and the peers that hold it: `{aor, resourceId, responsible, replicas}`. */
export function showRecord(holders) {
  record = holders;
  const { aor, resourceId, responsible, replicas } = holders;
  const others = replicas.length === 0 ? 'no replicas' : `replicas at ${replicas.map(nameOf).join(' and ')}`;
  byId('ring-record').textContent =
    `The record of ${aor} (resource ${shortId(resourceId)}) is kept by ${nameOf(responsible)}, ${others}.`;
  render();
}

function nameOf(node) {
  return node === ring?.node ? 'this peer' : shortId(node);
}

/** 0 is on top, and identifiers grow clockwise (RFC 6940 §10.1). */
function angleOf(id) {
  return (Number.parseInt(id.slice(0, 12), 16) / 2 ** 48) * 2 * Math.PI;
}

function place(angle, radius) {
  return { x: CENTRE + radius * Math.sin(angle), y: CENTRE - radius * Math.cos(angle) };
}

/** Every peer this one knows, with what it is to it; the most important first. */
function peersOf({ node, predecessors, successors, fingers, links }) {
  const roles = new Map([[node, ['this peer']]]);
  const add = (ids, role) => {
    for (const [i, id] of ids.entries()) roles.set(id, [...(roles.get(id) ?? []), role(i)]);
  };
  add(successors, (i) => (i === 0 ? 'successor' : `successor ${i + 1}`));
  add(predecessors, (i) => (i === 0 ? 'predecessor' : `predecessor ${i + 1}`));
  add(fingers, () => 'finger');
  add(
    links.map(({ node: id }) => id).filter((id) => !roles.has(id)),
    () => 'link',
  );
  return [...roles].map(([id, names]) => ({ id, role: names.join(', '), kind: kindOf(names) }));
}

function kindOf(names) {
  if (names.includes('this peer')) return 'self';
  return names.some((name) => /cessor/.test(name)) ? 'neighbour' : 'finger';
}

function render() {
  if (ring === undefined) return;
  const peers = peersOf(ring);
  const words = peers.filter(({ kind }) => kind !== 'finger').map(({ id, role }) => `${role} ${shortId(id)}`);
  const fingers = peers.filter(({ kind }) => kind === 'finger').length;
  const picture = svg('svg', {
    viewBox: `0 0 ${SIZE} ${SIZE}`,
    role: 'img',
    'aria-label': `The ring: ${words.join('; ')}; ${fingers} further peers known.`,
  });
  picture.append(svg('circle', { cx: CENTRE, cy: CENTRE, r: RADIUS, class: 'circle' }));
  picture.append(...ranges(ring), ...chords(ring, peers));
  if (record !== undefined) picture.append(...recordMarks(record));
  picture.append(...peers.toReversed().map(dot), ...labels(peers));
  byId('ring').replaceChildren(picture);
  renderLinks(peers);
}

/** Who answers for what: from the peer before, which is known among neighbours alone. */
function ranges({ node, predecessors, successors }) {
  const inARow = [...predecessors.toReversed(), node, ...successors];
  const known = [...new Set(inARow)];
  if (known.length === 1) return [svg('circle', { cx: CENTRE, cy: CENTRE, r: RADIUS, class: 'range self' })];
  const seen = new Set();
  return inARow.flatMap((id, i) => {
    const before = inARow[i - 1];
    if (before === undefined || before === id || seen.has(id)) return [];
    seen.add(id);
    const look = id === node ? 'self' : i % 2 === 0 ? 'even' : 'odd';
    return [
      svg(
        'path',
        { d: arc(angleOf(before), angleOf(id)), class: `range ${look}` },
        svg('title', {}, `${shortId(id)} answers for this range`),
      ),
    ];
  });
}

function arc(from, to) {
  const [start, end] = [place(from, RADIUS), place(to, RADIUS)];
  const sweep = (to - from + 2 * Math.PI) % (2 * Math.PI);
  return `M ${start.x} ${start.y} A ${RADIUS} ${RADIUS} 0 ${sweep > Math.PI ? 1 : 0} 1 ${end.x} ${end.y}`;
}

function chords({ node, links }, peers) {
  const linked = new Map(links.map((link) => [link.node, link]));
  const from = place(angleOf(node), RADIUS);
  return peers
    .filter(({ id }) => linked.has(id))
    .map(({ id, kind }) => {
      const to = place(angleOf(id), RADIUS);
      const { rttMs } = linked.get(id);
      const title = `link to ${shortId(id)}${rttMs === undefined ? '' : `, ${number(rttMs)} ms`}`;
      return svg(
        'line',
        { x1: from.x, y1: from.y, x2: to.x, y2: to.y, class: `chord ${kind}` },
        svg('title', {}, title),
      );
    });
}

function recordMarks({ resourceId, responsible, replicas }) {
  const at = place(angleOf(resourceId), RADIUS);
  const lines = [responsible, ...replicas].map((id, i) => {
    const to = place(angleOf(id), RADIUS);
    return svg('line', { x1: at.x, y1: at.y, x2: to.x, y2: to.y, class: i === 0 ? 'held' : 'held copy' });
  });
  const halos = [responsible, ...replicas].map((id) => {
    const { x, y } = place(angleOf(id), RADIUS);
    return svg('circle', { cx: x, cy: y, r: 13, class: 'halo' });
  });
  const mark = svg(
    'rect',
    {
      x: at.x - 6,
      y: at.y - 6,
      width: 12,
      height: 12,
      class: 'record',
      transform: `rotate(45 ${at.x} ${at.y})`,
    },
    svg('title', {}, `record ${shortId(resourceId)}`),
  );
  return [...lines, ...halos, mark];
}

function dot({ id, role, kind }) {
  const { x, y } = place(angleOf(id), RADIUS);
  const r = { self: 9, neighbour: 6.5, finger: 5 }[kind];
  return svg('circle', { cx: x, cy: y, r, class: `dot ${kind}` }, svg('title', {}, `${role}: ${id}`));
}

/** Where two would lie over one another the more important one is written. */
function labels(peers) {
  const taken = [];
  return peers.flatMap(({ id, kind }) => {
    const angle = angleOf(id);
    const isTaken = taken.some(
      (other) => Math.abs(Math.atan2(Math.sin(angle - other), Math.cos(angle - other))) < LABEL_GAP,
    );
    if (isTaken) return [];
    taken.push(angle);
    const { x, y } = place(angle, LABEL_RADIUS);
    const anchor = Math.abs(Math.sin(angle)) < 0.35 ? 'middle' : Math.sin(angle) > 0 ? 'start' : 'end';
    return [
      svg(
        'text',
        {
          x: x - 6 * Math.sign(Math.round(Math.sin(angle))),
          y: y + 4,
          class: `label ${kind}`,
          'text-anchor': anchor,
        },
        id.slice(0, 4),
      ),
    ];
  });
}

function renderLinks(peers) {
  const links = new Map(ring.links.map((link) => [link.node, link]));
  const rows = peers.filter(({ kind }) => kind !== 'self');
  const list = byId('links').firstElementChild ?? byId('links').appendChild(el('ul', { class: 'peers' }));
  showList(list, rows, {
    key: ({ id }) => id,
    signature: ({ id, role }) => `${role} ${JSON.stringify(links.get(id) ?? '')}`,
    make: ({ id, role }) => {
      const link = links.get(id);
      const about =
        link === undefined
          ? 'no link'
          : `${link.address}${link.rttMs === undefined ? '' : `, ${number(link.rttMs)} ms`}`;
      return el(
        'li',
        {},
        el('span', { class: 'mono' }, id),
        el('span', {}, role),
        el('span', { class: 'dim' }, about),
      );
    },
  });
}
