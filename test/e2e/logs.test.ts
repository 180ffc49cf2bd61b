import test from 'ava';
import type { GatewayProcess } from '../support/gateway.ts';
import { type LookupAnswer, resourceIdOf, responsiblePeer, startOverlay } from '../support/overlay.ts';
import { statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { eventually } from '../support/wait.ts';

// What an operator reads of one call: structured entries under its Call-ID, with the ids of what was asked of the overlay.

interface Entry {
  time: string;
  level: string;
  message: string;
  call?: string;
  [field: string]: unknown;
}

/** So many that one of their records is held by either peer, however small its part of the ring. */
const callees = Array.from({ length: 2_000 }, (_, i) => `user${i}`);
const users = ['alice', ...callees].map((name) => ({ aor: `${name}@example.org`, password: 'secret' }));

function entriesOf({ stderr }: GatewayProcess, call: string): Entry[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Entry)
    .filter((entry) => entry.call === call);
}

test('the log tells a call by its Call-ID, with the transactions it caused in the overlay', async (t) => {
  const more = () => ({ log: { level: 'debug', format: 'json' } });
  const peers = await startOverlay(t, ['proxy', 'proxy'], { users, more });
  const [near, far] = peers as [GatewayProcess, GatewayProcess];
  const callee = callees.find((user) => responsiblePeer(peers, resourceIdOf(`${user}@example.org`)) === far);
  if (callee === undefined) return t.fail('no user whose record lies at the other peer');
  const caller = await TestPhone.open(t, { port: near.sipPort() });
  const phone = await TestPhone.open(t, { port: far.sipPort() });
  t.is(statusOf(await phone.register(callee)), 200);
  await eventually('the record', 5000, async () => {
    const answer = await near
      .admin<LookupAnswer>(`/lookup/${callee}@example.org`)
      .catch(() => ({ entries: [] }));
    return answer.entries.length > 0;
  });
  const attempt = await caller.call('alice', callee);
  t.is(attempt.status, 200);
  const call = attempt.dialog!.callId;

  const here = await eventually('entries of the call', 3000, () => {
    const entries = entriesOf(near, call);
    return entries.some(({ message }) => message === 'a request is answered') ? entries : undefined;
  });
  const asked = here.filter(({ message }) => message === 'asked the overlay');
  t.deepEqual(asked.map(({ request }) => request).sort(), ['app_attach', 'fetch']);
  for (const { transaction, answeredBy } of asked) {
    t.regex(String(transaction), /^[0-9a-f]{16}$/);
    t.is(answeredBy, far.nodeId);
  }
  const sent = here.find(({ message }) => message === 'a request goes to');
  t.deepEqual(sent?.to, [`peer ${far.nodeId}`]);
  t.like(
    here.find(({ message }) => message === 'a request is answered'),
    { method: 'INVITE', status: 200 },
  );
  t.true(here.every(({ level, time }) => level === 'debug' && !Number.isNaN(Date.parse(time))));

  const there = entriesOf(far, call);
  t.true(there.some(({ message, to }) => message === 'a request goes to' && /sip:/.test(String(to))));
  t.false(/response="[0-9a-f]{32}"|secret"/.test(near.stderr + far.stderr));
});
