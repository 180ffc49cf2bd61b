/** How the state of a call is written, and the look of its chip. */
export function stateOf({ state, status, endedBy }) {
  if (state === 'calling') return { text: 'calling', look: 'warn' };
  if (state === 'ringing') return { text: 'ringing', look: 'warn' };
  if (state === 'talking') return { text: 'talking', look: 'good' };
  if (status === 200) return { text: endedBy === undefined ? 'over' : `${endedBy} hung up`, look: '' };
  if (status === 487) return { text: 'given up', look: '' };
  return { text: status === undefined ? 'over' : String(status), look: status >= 400 ? 'bad' : '' };
}
