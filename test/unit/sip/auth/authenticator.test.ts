import test from 'ava';
import { noMetrics } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { type AuthContext, Authenticator } from '../../../../src/sip/auth/authenticator.ts';
import { AccountCredentials } from '../../../../src/sip/auth/credentials.ts';
import { type DigestAlgorithm, digestHa1, digestResponse } from '../../../../src/sip/auth/digest.ts';
import type { SipRequest } from '../../../../src/sip/message/request.ts';
import { request } from '../registrar/messages.ts';

const REMOTE = { host: '192.0.2.9', port: 5060 };
const ALICE = 'alice@example.org';

interface Reply {
  status: number;
  headers: (readonly [string, string])[];
}

/** A phone and a server that asks for a password. */
class Bench {
  readonly clock = new VirtualClock();
  readonly failures: string[] = [];
  readonly authenticator: Authenticator;
  readonly credentials = new AccountCredentials({
    realm: 'example.org',
    accounts: [
      { aor: ALICE, password: 'secret' },
      { aor: 'bob@example.org', ha1: digestHa1('MD5', 'bob', 'example.org', 'builder') },
    ],
  });

  constructor(algorithms?: DigestAlgorithm[]) {
    const own = {
      firstDomain: 'example.org',
      domainOf: (host: string) => (['example.org', '192.0.2.1'].includes(host) ? 'example.org' : undefined),
    };
    this.authenticator = new Authenticator(
      {
        clock: this.clock,
        random: new SeededRandom(1),
        metrics: noMetrics,
        credentials: this.credentials,
        own,
      },
      algorithms === undefined ? {} : { algorithms },
    );
    this.authenticator.failures.on(({ username }) => this.failures.push(username));
  }

  async check(sent: SipRequest, aor = ALICE): Promise<{ result: string; reply: Reply | undefined }> {
    let reply: Reply | undefined;
    const context: AuthContext = {
      request: sent,
      flow: { remote: REMOTE, reliable: false },
      reply: (status, _reason, options) => {
        reply = { status, headers: [...(options?.headers ?? [])] };
      },
      challenge: (status, headers) => {
        reply = { status, headers: [...headers] };
      },
    };
    const result = await this.authenticator.check(context, aor);
    return { result, reply };
  }

  /** A nonce from a fresh challenge. */
  async nonce(): Promise<string> {
    return nonceOf((await this.check(register())).reply);
  }
}

function register(credentials = '', method = 'REGISTER'): SipRequest {
  return request(`${method} sip:example.org SIP/2.0
    Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1
    From: <sip:alice@example.org>;tag=1
    To: <sip:alice@example.org>
    Call-ID: c1
    CSeq: 1 ${method}
    ${credentials}`);
}

interface Login {
  username?: string;
  password?: string;
  uri?: string;
  nc?: number | undefined;
  algorithm?: DigestAlgorithm;
  method?: string;
  header?: string;
}

function login(nonce: string, options: Login = {}): SipRequest {
  const { username = 'alice', password = 'secret', uri = 'sip:example.org', algorithm = 'MD5' } = options;
  const { method = 'REGISTER', header = 'Authorization' } = options;
  const nc = 'nc' in options ? options.nc : 1;
  const qop =
    nc === undefined ? undefined : { value: 'auth', nc: nc.toString(16).padStart(8, '0'), cnonce: 'cafe' };
  const ha1 = digestHa1(algorithm, username, 'example.org', password);
  const response = digestResponse(ha1, { algorithm, method, uri, nonce, qop });
  const qopText = qop === undefined ? '' : `, qop=auth, nc=${qop.nc}, cnonce="${qop.cnonce}"`;
  const fields = `username="${username}", realm="example.org", nonce="${nonce}", uri="${uri}"`;
  return register(
    `${header}: Digest ${fields}, response="${response}", algorithm=${algorithm}${qopText}`,
    method,
  );
}

function nonceOf(reply: Reply | undefined): string {
  return /nonce="([^"]+)"/.exec(reply?.headers[0]?.[1] ?? '')?.[1] ?? '';
}

function isStale(reply: Reply | undefined): boolean {
  return reply?.headers.every(([, value]) => value.endsWith(', stale=true')) ?? false;
}

test('Challenges: 401 for REGISTER, 407 for the rest, MD5 alone by default', async (t) => {
  const bench = new Bench();
  const { result, reply } = await bench.check(register());
  t.is(result, 'challenged');
  t.is(reply?.status, 401);
  t.is(reply?.headers.length, 1);
  t.is(reply?.headers[0]?.[0], 'WWW-Authenticate');
  t.regex(
    reply?.headers[0]?.[1] ?? '',
    /^Digest realm="example\.org", nonce="[^"]+", algorithm=MD5, qop="auth"$/,
  );
  const invite = (await bench.check(register('', 'INVITE'))).reply;
  t.is(invite?.status, 407);
  t.is(invite?.headers[0]?.[0], 'Proxy-Authenticate');
});

test('Challenges: right credentials pass, with either form of the username and whatever uri names us', async (t) => {
  const bench = new Bench();
  for (const options of [
    {},
    { username: 'alice@example.org' },
    { username: 'alice@192.0.2.1' },
    { uri: 'example.org' },
    { uri: 'sip:example.org;transport=udp' },
    { uri: 'sip:192.0.2.1:5060' },
    { nc: undefined },
  ] satisfies Login[]) {
    const { result, reply } = await bench.check(login(await bench.nonce(), options));
    t.is(result, 'ok', JSON.stringify(options));
    t.is(reply, undefined);
  }
});

test('Challenges: a digest uri that names somebody else fails', async (t) => {
  const bench = new Bench();
  for (const uri of ['sip:elsewhere.example', 'tel:+4930123', 'tel:bob']) {
    t.is((await bench.check(login(await bench.nonce(), { uri }))).result, 'wrong', uri);
  }
});

test('Challenges: nc=1 for ever gets a fresh challenge with stale=true, never 403', async (t) => {
  const bench = new Bench();
  const nonce = await bench.nonce();
  t.is((await bench.check(login(nonce))).result, 'ok');
  const again = await bench.check(login(nonce));
  t.is(again.result, 'stale');
  t.is(again.reply?.status, 401);
  t.true(isStale(again.reply));
  t.is((await bench.check(login(nonceOf(again.reply)))).result, 'ok');
  t.deepEqual(bench.failures, [], 'no failure was counted');
});

test('Challenges: unknown and old nonces are stale when the response is right, else it is a wrong response', async (t) => {
  const bench = new Bench();
  t.true(isStale((await bench.check(login('made-up'))).reply));
  const nonce = await bench.nonce();
  await bench.clock.advance(3_600_000);
  t.is((await bench.check(login(nonce))).result, 'stale');
  t.is((await bench.check(login('made-up', { password: 'guess' }))).result, 'wrong');
});

test('Challenges: a wrong response is counted and challenged anew; an unknown user is treated just the same', async (t) => {
  const bench = new Bench();
  const wrong = await bench.check(login(await bench.nonce(), { password: 'guess' }));
  const unknown = await bench.check(login(await bench.nonce(), { username: 'nobody' }), 'nobody@example.org');
  for (const { result, reply } of [wrong, unknown]) {
    t.is(result, 'wrong');
    t.is(reply?.status, 401);
    t.false(isStale(reply));
  }
  t.deepEqual(bench.failures, ['alice', 'nobody']);
  const shape = (reply: Reply | undefined) => JSON.stringify(reply).replace(/nonce=\\"[^"]*/, '');
  t.is(
    shape((await bench.check(register(), 'nobody@example.org')).reply),
    shape((await bench.check(register())).reply),
  );
});

test("Challenges: registering somebody else's AoR is 403", async (t) => {
  const bench = new Bench();
  const { result, reply } = await bench.check(login(await bench.nonce()), 'bob@example.org');
  t.is(result, 'forbidden');
  t.is(reply?.status, 403);
  t.is(
    (await bench.check(login(await bench.nonce(), { password: 'guess' }), 'bob@example.org')).reply?.status,
    401,
  );
});

test('RFC 8760: SHA-256 stands second, and only where the stored secret can answer it', async (t) => {
  const bench = new Bench(['MD5', 'SHA-256']);
  const algorithms = async (aor: string) =>
    (await bench.check(register(), aor)).reply?.headers.map(
      ([, value]) => /algorithm=([^,]+)/.exec(value)?.[1],
    );
  t.deepEqual(await algorithms(ALICE), ['MD5', 'SHA-256']);
  t.deepEqual(await algorithms('bob@example.org'), ['MD5']);
  t.deepEqual(await algorithms('nobody@example.org'), ['MD5', 'SHA-256']);
  t.is((await bench.check(login(await bench.nonce(), { algorithm: 'SHA-256' }))).result, 'ok');
  t.is(
    (await new Bench().check(login('n', { algorithm: 'SHA-256' }))).result,
    'challenged',
    'not offered, not taken',
  );
});

test('RFC 3261 §22.3: credentials for our realm are withdrawn from what goes on, those of others stay', async (t) => {
  const bench = new Bench();
  const invite = login(await bench.nonce(), { method: 'INVITE', header: 'Proxy-Authorization' });
  invite.appendHeader('Proxy-Authorization', 'Digest username="a", realm="other.example", nonce="x"');
  t.is((await bench.check(invite)).result, 'ok');
  t.deepEqual(invite.headers('Proxy-Authorization'), [
    'Digest username="a", realm="other.example", nonce="x"',
  ]);
});
