import type { TransportName } from '../transport/flow.ts';
import type { Binding } from './binding.ts';

/** Lines of one binding before its Path values. */
const FIELDS = 17;
const NO_PATH: readonly string[] = [];

/**
 * The bindings of an AoR as they are kept on disk: one value a line, `FIELDS` of them and then the Path values of each
 * binding. Header values hold no line breaks, whatever the phone sent, and one char per octet. The live flow and what
 * the key says are left out.
 */
export function encodeBindings(bindings: readonly Binding[]): Uint8Array {
  let text = '';
  for (const binding of bindings) text += format(binding);
  return Buffer.from(text, 'latin1');
}

/** @throws TypeError when the bytes are not what `encodeBindings` wrote */
export function decodeBindings(aor: string, bytes: Uint8Array): Binding[] {
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  // Each line has its end.
  if (lines.pop() !== '' || lines.length === 0) throw new TypeError('not a stored binding');
  const bindings: Binding[] = [];
  for (let at = 0; at < lines.length; ) {
    const binding = read(aor, lines, at);
    bindings.push(binding);
    at += FIELDS + binding.path.length;
  }
  return bindings;
}

function format(binding: Binding): string {
  const { contact, params, q, instance, regId, expiresAt, updatedAt, callId, cseq } = binding;
  const { transport, source, local, byFlow, gruuSeries, path } = binding;
  const hops = path.length === 0 ? '' : `${path.join('\n')}\n`;
  // biome-ignore format: in the order `read` takes them
  return `${contact}\n${params}\n${q}\n${instance ?? ''}\n${regId ?? ''}\n${expiresAt}\n${updatedAt}\n${callId}\n${cseq}\n${transport}\n${source.host}\n${source.port}\n${local.host}\n${local.port}\n${byFlow ? 1 : 0}\n${gruuSeries ?? ''}\n${path.length}\n${hops}`;
}

function read(aor: string, lines: readonly string[], at: number): Binding {
  const text = (field: number): string => {
    const line = lines[at + field];
    if (line === undefined) throw new TypeError('a stored binding is cut off');
    return line;
  };
  const number = (field: number): number => {
    const value = Number(text(field));
    if (text(field) === '' || !Number.isFinite(value)) throw new TypeError('a stored binding has no number');
    return value;
  };
  const path = lines.slice(at + FIELDS, at + FIELDS + number(16));
  if (path.length < number(16)) throw new TypeError('a stored binding is cut off');
  return {
    aor,
    contact: text(0),
    params: text(1),
    q: number(2),
    instance: text(3) === '' ? undefined : text(3),
    regId: text(4) === '' ? undefined : number(4),
    expiresAt: number(5),
    updatedAt: number(6),
    callId: text(7),
    cseq: number(8),
    transport: text(9) as TransportName,
    source: { host: text(10), port: number(11) },
    local: { host: text(12), port: number(13) },
    byFlow: text(14) === '1',
    gruuSeries: text(15) === '' ? undefined : number(15),
    path: path.length === 0 ? NO_PATH : path,
    flow: undefined,
  };
}
