/** `0fb5…2dc3`: enough of a Node-ID or Resource-ID to tell it from others. */
export function shortId(id) {
  return `${id.slice(0, 4)}…${id.slice(-4)}`;
}

/** `14:05:09` of an ISO 8601 time, by the reader's clock. */
export function clockTime(iso) {
  return new Date(iso).toLocaleTimeString([], { hour12: false });
}

/** `0:42`, `1:02:03` */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value) => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `3 d 4 h`, `12 min` */
export function longTime(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor(seconds / 3600) % 24} h`;
}

/** `12`, `3.4`, `0.25`: three digits at most where it is small. */
export function number(value) {
  if (value >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** `250 µs`, `12 ms`, `1.5 s` */
export function shortDuration(seconds) {
  if (seconds < 0.001) return `${number(seconds * 1_000_000)} µs`;
  return seconds < 1 ? `${number(seconds * 1000)} ms` : `${number(seconds)} s`;
}

/** `1 phone`, `2 phones` */
export function counted(count, what) {
  return `${number(count)} ${what}${count === 1 ? '' : 's'}`;
}
