import test, { type ExecutionContext } from 'ava';
import { type GatewayProcess, startGateway } from '../support/gateway.ts';
import { parseSip, statusOf } from '../support/sip-text.ts';
import { TortureCallee } from '../support/torture-callee.ts';
import { type Patience, sendTorture } from '../support/torture-line.ts';
import {
  type TortureMessage,
  tortureManifest,
  tortureMessage,
  type WireVerdict,
} from '../support/torture-manifest.ts';

// Every message of RFC 4475 and RFC 5118, as it is, to a running gateway, over UDP and TCP.

/** Whom the messages call. */
const CALLEES = [
  'user@example.com',
  'user;par=u%40example.net@example.com',
  'sips%3Auser%40example.com@example.net',
  'kumiko@example.org',
  'remote-target@example.com',
  'vivekg@chair-dnrc.example.com',
  'user@host.example.net',
  'UserB@example.com',
  "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com",
];

const PUBLIC = ['sip:[2001:db8::10]', 'sip:[2001:db8::10]:5070', 'sip:[2001:db8::192.0.2.1]'];
const DOMAINS = ['example.com', 'example.net', 'example.org', 'chair-dnrc.example.com', 'host.example.net'];

function start(
  t: ExecutionContext,
  auth: 'none' | 'digest',
  more: readonly string[] = [],
): Promise<GatewayProcess> {
  return startGateway(t, async (port) => ({
    overlay: { name: 'example.com', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
    sip: {
      ...{ auth, domains: [...DOMAINS, 'registrar.example.com'], allow: ['127.0.0.0/8', '::1'] },
      listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0', ...more],
      public: [...PUBLIC, 'sip:services.example.com', 'sip:127.0.0.1:5080'],
    },
  }));
}

/** Several messages have the same branch or Call-ID: to one gateway they would be retransmissions of each other. */
function independentSets(messages: readonly TortureMessage[]): TortureMessage[][] {
  const sets: { taken: Set<string>; messages: TortureMessage[] }[] = [];
  for (const message of messages) {
    const { headers } = parseSip(tortureMessage(message).toString('latin1'));
    const value = (name: string) => headers.get(name)?.[0] ?? message.file;
    const identities = [value('via'), value('call-id')];
    let set = sets.find(({ taken }) => !identities.some((identity) => taken.has(identity)));
    if (set === undefined) {
      set = { taken: new Set(), messages: [] };
      sets.push(set);
    }
    for (const identity of identities) set.taken.add(identity);
    set.messages.push(message);
  }
  return sets.map((set) => set.messages);
}

function patienceFor(verdict: WireVerdict): Patience {
  if (verdict === 'drop') return 'silence';
  if (verdict === 'wait') return 'unfinished';
  if (verdict === 'close') return 'close';
  return typeof verdict === 'object' ? 'answer-and-close' : 'answer';
}

/** What a proxy may change: its own hop's headers (RFC 3261 §16.6, RFC 5393 §5.3.3). */
const OWN_HEADERS = /^(via|v|max-forwards|route|record-route|content-length|l|max-breadth)\s*:/i;

function headersAndBody(data: Buffer): { headers: string[]; body: string; method: string } {
  const text = data.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const [start = '', ...headers] = text.slice(0, end).split(/\r\n(?![ \t])/);
  return {
    method: start.slice(0, start.indexOf(' ')),
    headers: headers.filter((line) => !OWN_HEADERS.test(line)),
    body: text.slice(end + 4),
  };
}

function assertForwarded(t: ExecutionContext, message: TortureMessage, callee: TortureCallee): void {
  const sent = headersAndBody(tortureMessage(message));
  const callId = sent.headers.find((line) => /^(call-id|i)\s*:/i.test(line)) ?? '';
  const got = callee.received.map(headersAndBody).find(({ headers }) => headers.includes(callId));
  t.deepEqual(got, sent, message.file);
}

async function assertVerdict(
  t: ExecutionContext,
  message: TortureMessage,
  transport: 'udp' | 'tcp',
  { gateway, callee, host }: { gateway: GatewayProcess; callee: TortureCallee; host?: '::1' },
): Promise<void> {
  const verdict = message[transport];
  const from = host ?? `127.0.77.${tortureManifest.indexOf(message) + 1}`;
  const port = host === undefined ? gateway.sipPort(transport) : portOverIpv6(gateway, transport);
  const target = { transport, port, from, ...(host && { host }) };
  const { answer, closed } = await sendTorture(target, tortureMessage(message), patienceFor(verdict));
  const { status, isClosed = false } = expectedOf(verdict);
  t.is(answer && statusOf(parseSip(answer)), status, `${message.file}: ${answer}`);
  t.is(closed, isClosed, `${message.file}: closed`);
  if (verdict === 'forward') assertForwarded(t, message, callee);
  for (const text of ANSWERS[message.file] ?? [])
    t.true(answer?.includes(text), `${message.file}: ${answer}`);
}

function portOverIpv6(gateway: GatewayProcess, transport: 'udp' | 'tcp'): number {
  const uri = gateway.sipUris.find((one) => one.includes('[::1]') && one.endsWith(`transport=${transport}`));
  return Number(/\]:(\d+)/.exec(uri ?? '')?.[1]);
}

function expectedOf(verdict: WireVerdict): { status: number | undefined; isClosed?: boolean } {
  if (verdict === 'forward') return { status: 200 };
  if (typeof verdict === 'number') return { status: verdict };
  if (typeof verdict === 'object') return { status: verdict.status, isClosed: true };
  return { status: undefined, isClosed: verdict === 'close' };
}

/** What some answers must say. */
const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  bext01: ['Unsupported: noProxiesSupportThis, norDoAnyProxiesSupportThis'],
  cparam01: ['Contact: <sip:+19725552222@gw1.example.net>;unknownparam'],
  cparam02: ['Contact: <sip:+19725552222@gw1.example.net;unknownparam>'],
  regescrt: ['Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>'],
};

for (const transport of ['udp', 'tcp'] as const) {
  test(`RFC 4475, RFC 5118: every message over ${transport} has its verdict`, async (t) => {
    for (const messages of independentSets(tortureManifest)) {
      const gateway = await start(t, 'none');
      const callee = await TortureCallee.open(t, gateway.sipPort('udp'), CALLEES);
      for (const message of messages) await assertVerdict(t, message, transport, { gateway, callee });
      t.notRegex(await gateway.metrics(), /reason="internal-error"/);
      t.is(await gateway.stop(), 0);
    }
  });
}

for (const transport of ['udp', 'tcp'] as const) {
  test.serial(`RFC 5118: every message over ${transport} and IPv6 has its verdict`, async (t) => {
    const ipv6 = tortureManifest.filter(({ rfc }) => rfc === 5118);
    for (const messages of independentSets(ipv6)) {
      const gateway = await start(t, 'none', [`${transport}://[::1]:0`]);
      const callee = await TortureCallee.open(t, gateway.sipPort('udp'), CALLEES);
      for (const message of messages)
        await assertVerdict(t, message, transport, { gateway, callee, host: '::1' });
      t.notRegex(await gateway.metrics(), /reason="internal-error"/);
      t.is(await gateway.stop(), 0);
    }
  });
}

test('RFC 4475 §3.3.7 regaut01: a registrar that asks for a password challenges anew', async (t) => {
  const gateway = await start(t, 'digest');
  const target = { transport: 'udp', port: gateway.sipPort('udp'), from: '127.0.77.100' } as const;
  const message = tortureMessage({ rfc: 4475, file: 'regaut01' });
  const { answer = '' } = await sendTorture(target, message, 'answer');
  t.is(statusOf(parseSip(answer)), 401);
  t.regex(answer, /WWW-Authenticate: Digest realm="example\.com"/);
});
