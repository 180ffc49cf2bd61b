import test, { type ExecutionContext } from 'ava';
import { silentLogger } from '../../../../src/base/index.ts';
import { HttpsClient, HttpsServer } from '../../../../src/net/index.ts';
import { HttpsRegistrationExchange } from '../../../../src/p2psip/enrollment/registration-exchange.ts';
import type { EnrolledIdentity } from '../../../../src/reload/security/enrolled-identity.ts';
import { credentials } from '../../../support/digest.ts';
import { HttpsAuthority } from '../../../support/https.ts';
import { ALICE, EnrollmentBench, GW1 } from './support.ts';

/** The enrollment server on a real socket, and exchanges of peers with it. */
async function serve(t: ExecutionContext) {
  const bench = new EnrollmentBench();
  const authority = new HttpsAuthority();
  const server = await HttpsServer.listen(
    { handler: (request) => bench.authority.handle(request), logger: silentLogger },
    {
      listen: { host: '127.0.0.1', port: 0 },
      identity: authority.server(),
      maxBodyBytes: 300_000,
      requestTimeoutMs: 5000,
      maxConnections: 16,
      maxConnectionsPerOrigin: 16,
      maxRunning: 16,
    },
  );
  const http = new HttpsClient();
  t.teardown(async () => {
    http.close();
    await server.close();
  });
  const url = `https://127.0.0.1:${server.local.port}/enroll`;
  const tls = { pin: authority.pin };
  const exchange = (identity: EnrolledIdentity, urls: readonly string[] = [url]) =>
    new HttpsRegistrationExchange({
      http,
      identity: () => identity.tls,
      servers: () => urls.map((one) => ({ url: one, tls })),
    });
  return { bench, exchange, url };
}

for (const keyType of ['ec', 'rsa'] as const) {
  test(`T2: keys and certificates over mutually authenticated HTTPS, by the key of the peer (${keyType})`, async (t) => {
    const { bench, exchange } = await serve(t);
    const gw1 = bench.identity('gw1@example.org', GW1, keyType);
    const adapter = exchange(gw1);
    t.is((await adapter.keys()).node, GW1);
    const authorization = credentials({ nonce: await bench.nonce(gw1) });
    const [result] = await adapter.prove([{ aor: ALICE, authorization }]);
    t.is(result?.verdict, 'right');
  });
}

test('T2: a peer without the adapter flag is told so, and no other server is asked', async (t) => {
  const { bench, exchange, url } = await serve(t);
  const plain = exchange(bench.identity('plain@example.org', '3'.repeat(32)), [url, url]);
  await t.throwsAsync(plain.keys(), { code: 'not-an-adapter' });
  t.is(bench.notes.lines.length, 1);
});

test('the next enrollment server is asked when one does not answer; none at all is said in one line', async (t) => {
  const { bench, exchange, url } = await serve(t);
  const gw1 = bench.identity('gw1@example.org', GW1);
  const dead = 'https://127.0.0.1:1/';
  t.is((await exchange(gw1, [dead, url]).keys()).node, GW1);
  const last = exchange(gw1, [dead, dead, dead, url]);
  await t.throwsAsync(last.keys(), { code: 'enrollment-unreachable' }, 'a phone waits for no more than two');
  t.is((await last.keys()).node, GW1);
  const error = await t.throwsAsync(exchange(gw1, [dead]).keys(), { code: 'enrollment-unreachable' });
  t.false(error?.message.includes('\n'));
  await t.throwsAsync(exchange(gw1, []).keys(), { code: 'enrollment-unreachable' });
  await t.throwsAsync(exchange(bench.identity(ALICE, GW1), [`${url}`]).keys(), { code: 'not-an-adapter' });
});
