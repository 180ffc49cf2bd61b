import { byId } from '../shared/dom.js';
import { showCalls } from './calls.js';
import { longTime, shortId } from './format.js';
import { showDistributions } from './histograms.js';
import { showLog } from './log.js';
import { showUsers } from './registrations.js';
import { showRing } from './ring.js';
import { follow } from './stream.js';
import { showStatus as showTiles, showTotals } from './tiles.js';

const STATES = { joined: 'good', joining: 'warn', leaving: 'warn', isolated: 'bad', stopped: 'bad' };

/** When the peer started, by our clock; ms. */
let startedAt = Date.now();
let node = '';

function showStatus(status) {
  startedAt = Date.now() - status.uptimeS * 1000;
  node = status.node;
  byId('title').textContent = status.overlay;
  document.title = `${status.overlay} · p2psip console`;
  showState(status.state);
  showUptime();
  showTiles(status);
  showUsers(status);
  byId('main').hidden = false;
}

function showState(state) {
  const chip = byId('state');
  if (chip.textContent !== state) chip.textContent = state;
  chip.className = `chip ${STATES[state] ?? ''}`;
}

function showUptime() {
  if (node === '') return;
  byId('who').textContent = `peer ${shortId(node)}, up ${longTime((Date.now() - startedAt) / 1000)}`;
}

function onLine(isOnline) {
  byId('offline').hidden = isOnline;
  if (!isOnline) showState('no answer');
}

setInterval(showUptime, 1000);
void follow(
  {
    status: showStatus,
    ring: showRing,
    calls: showCalls,
    totals: showTotals,
    distributions: showDistributions,
    log: showLog,
  },
  onLine,
);
