import { byId, el } from '../shared/dom.js';
import { clockTime } from './format.js';

const LEVELS = ['debug', 'info', 'warn', 'error'];
const MAX_LINES = 500;

const lines = [];

/** @param {{number: number, time: string, level: string, text: string}[]} added oldest first; some may be known */
export function showLog(added) {
  const known = lines.at(-1)?.number ?? 0;
  // Numbers begin anew when the peer does.
  if (added.length > 0 && added.at(-1).number < known) lines.length = 0;
  const fresh = added.filter(({ number }) => number > (lines.at(-1)?.number ?? 0));
  lines.push(...fresh);
  lines.splice(0, lines.length - MAX_LINES);
  if (fresh.length > 0) render();
}

byId('log-level').addEventListener('change', render);

function render() {
  const scroll = byId('log-scroll');
  const isAtEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 40;
  const from = LEVELS.indexOf(byId('log-level').value);
  const shown = lines.filter(({ level }) => LEVELS.indexOf(level) >= from);
  byId('log').replaceChildren(...shown.map(toItem));
  byId('log-empty').hidden = shown.length > 0;
  scroll.hidden = shown.length === 0;
  if (isAtEnd) scroll.scrollTop = scroll.scrollHeight;
}

function toItem({ time, level, text }) {
  return el(
    'li',
    { class: level },
    el('time', { datetime: time }, clockTime(time)),
    el('b', {}, level),
    el('span', {}, text),
  );
}
