import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type GatewayProcess, startGateway } from '../support/gateway.ts';
import { authorize, formatSip, header, parseSip, type SipText, statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';

// Who guesses is met with silence; who has a phone here notices nothing of it.

const SCANNER = '127.0.0.3';
/** Longer than any answer of ours takes on loopback. */
const SILENCE_MS = 1_000;

function startServer(t: ExecutionContext, more: Record<string, unknown> = {}): Promise<GatewayProcess> {
  return startGateway(t, async (port) => ({
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
    sip: { domains: ['example.org'], listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'], ...more },
  }));
}

/** One who sends a request after the other from 127.0.0.3, each when the one before was answered. */
class Guesser {
  readonly #socket = dgram.createSocket('udp4');
  readonly #port: number;
  #sent = 0;

  private constructor(port: number) {
    this.#port = port;
  }

  static async open(t: ExecutionContext, gateway: GatewayProcess): Promise<Guesser> {
    const guesser = new Guesser(gateway.sipPort('udp'));
    guesser.#socket.bind(0, SCANNER);
    await once(guesser.#socket, 'listening');
    t.teardown(() => guesser.#socket.close());
    return guesser;
  }

  /** The answer; undefined when there is none. */
  async ask(
    method: string,
    user: string,
    more: readonly [string, string][] = [],
  ): Promise<SipText | undefined> {
    this.#sent += 1;
    const aor = `<sip:${user}@example.org>`;
    const text = formatSip(`${method} sip:example.org SIP/2.0`, [
      [
        'Via',
        `SIP/2.0/UDP ${SCANNER}:${this.#socket.address().port};branch=z9hG4bK-guess-${this.#sent};rport`,
      ],
      ['From', `${aor};tag=${this.#sent}`],
      ['To', aor],
      ['Call-ID', `guess-${this.#sent}`],
      ['CSeq', `${this.#sent} ${method}`],
      ['Max-Forwards', '70'],
      ...more,
    ]);
    const answered = once(this.#socket, 'message', { signal: AbortSignal.timeout(SILENCE_MS) });
    this.#socket.send(text, this.#port, '127.0.0.1');
    try {
      const [data] = await answered;
      return parseSip(String(data));
    } catch {
      return undefined;
    }
  }
}

/** Tries until there is no answer any more; gives the number of tries that were answered, 50 at the most. */
async function untilSilent(attempt: (n: number) => Promise<SipText | undefined>): Promise<number> {
  for (let n = 0; n < 50; n++) if ((await attempt(n)) === undefined) return n;
  return 50;
}

test('C: who guesses the password of a user gets silence within 20 tries, over TCP as well; phones notice nothing', async (t) => {
  const gateway = await startServer(t);
  const phone = await TestPhone.open(t, { port: gateway.sipPort('udp') });
  t.is(statusOf(await phone.register('bob')), 200);
  const guesser = await Guesser.open(t, gateway);
  const tries = await untilSilent(async (n) => {
    const challenge = await guesser.ask('REGISTER', 'bob');
    if (challenge === undefined) return undefined;
    const credentials = authorize(header(challenge, 'www-authenticate'), {
      ...{ method: 'REGISTER', uri: 'sip:example.org', username: 'bob', password: String(n) },
    });
    const answer = await guesser.ask('REGISTER', 'bob', [['Authorization', credentials]]);
    if (answer !== undefined) t.is(statusOf(answer), 401);
    return answer;
  });
  t.true(tries >= 15 && tries < 20, `${tries} tries were answered`);
  const tcp = net.connect({ port: gateway.sipPort('tcp'), host: '127.0.0.1', localAddress: SCANNER });
  tcp.on('error', () => {}); // the gateway resets it
  await once(tcp, 'close');
  const caller = await TestPhone.open(t, { port: gateway.sipPort('udp') });
  t.is((await caller.call('alice', 'bob')).status, 200);
  t.regex(gateway.stderr, /a source is banned source=127\.0\.0\.3 reason=wrong-credentials minutes=10/);
  t.regex(await gateway.metrics(), /^sip_banned_sources 1$/m);
});

test('C: who looks for users gets silence within 20 unknown ones; first challenges to known ones never count', async (t) => {
  const gateway = await startServer(t);
  const guesser = await Guesser.open(t, gateway);
  for (let n = 0; n < 40; n++) t.is(statusOf((await guesser.ask('REGISTER', 'bob'))!), 401);
  const tries = await untilSilent((n) => guesser.ask('REGISTER', String(1000 + n)));
  t.true(tries >= 15 && tries < 20, `${tries} tries were answered`);
});

test('C: a carrier may ask for any number of users that do not exist', async (t) => {
  const gateway = await startServer(t, { trunks: [{ match: '^0', to: 'sip:127.0.0.3:9', from: [SCANNER] }] });
  const carrier = await Guesser.open(t, gateway);
  for (let n = 0; n < 40; n++) t.not(await carrier.ask('REGISTER', String(1000 + n)), undefined);
});

test('C: a scanner that says so gets silence to its first OPTIONS', async (t) => {
  const gateway = await startServer(t);
  const guesser = await Guesser.open(t, gateway);
  t.is(await guesser.ask('OPTIONS', '100', [['User-Agent', 'friendly-scanner']]), undefined);
  t.not(await guesser.ask('OPTIONS', '100'), undefined);
});
