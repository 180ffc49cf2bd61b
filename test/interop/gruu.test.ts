import test from 'ava';
import { Baresip } from '../support/baresip.ts';
import { type GatewayProcess, startGateway } from '../support/gateway.ts';
import { startOverlay } from '../support/overlay.ts';
import { freePort } from '../support/ports.ts';
import { requirePrograms } from '../support/programs.ts';
import { SipJsPhone } from '../support/sip-js-phone.ts';
import { TestPhone } from '../support/test-phone.ts';
import { sipTlsFiles } from '../support/tls-files.ts';
import { installWebSocket } from '../support/web-socket.ts';

// Phones of others put the GRUUs we give them into their Contacts: all that follows in a call is addressed to them.

installWebSocket(sipTlsFiles().authority);
const users = ['alice', 'bob', 'carol'].map((user) => ({ aor: `${user}@example.org`, password: 'secret' }));
/** baresip asks for GRUUs with its outbound registrations. */
const account = ';sipnat=outbound';
const PUBLIC = /sip:(\w+)@example\.org;gr=urn:uuid:[0-9a-f-]{36}/;

test.serial('RFC 5627: calls, a transfer and BYE between public GRUUs at two peers', async (t) => {
  if (!requirePrograms(t, 'baresip')) return;
  const [here, there] = await startOverlay(t, ['proxy', 'proxy'], { users });
  const alice = await phone(t, here!, 'alice', 'udp');
  const bob = await phone(t, there!, 'bob', 'tcp');
  const carol = await phone(t, here!, 'carol', 'udp');
  for (const hangsUp of [alice, bob]) {
    await talk(alice, bob);
    hangsUp.command('hangup');
    await Promise.all([alice.event('CALL_CLOSED', 5000), bob.event('CALL_CLOSED', 5000)]);
  }
  await talk(alice, bob);
  carol.events.length = 0;
  bob.command('transfer', 'sip:carol@example.org');
  await carol.event('CALL_ESTABLISHED', 8000);
  await bob.event('CALL_CLOSED', 8000);
  carol.command('hangup');
  await carol.event('CALL_CLOSED', 5000);
  // The phones did use them: these are what they sent.
  for (const method of ['INVITE', 'ACK', 'BYE', 'REFER']) {
    t.regex(sentBy(method, alice, bob), PUBLIC, method);
  }
});

test.serial("RFC 5627: a call between GRUUs outlives the restart of the callee's peer", async (t) => {
  if (!requirePrograms(t, 'baresip')) return;
  const [near, far] = [await ports(), await ports()];
  const here = await startGateway(t, config(near), { users });
  let there = await startGateway(t, config(far, near.link), { users });
  const alice = await phone(t, here, 'alice', 'udp');
  const bob = await phone(t, there, 'bob', 'udp');
  for (const hangsUp of [alice, bob]) {
    await talk(alice, bob);
    await there.kill9();
    there = await startGateway(t, config(far, near.link), { users, directory: there.directory });
    hangsUp.command('hangup');
    await Promise.all([alice.event('CALL_CLOSED', 8000), bob.event('CALL_CLOSED', 8000)]);
  }
  t.pass();
});

test.serial(
  'RFC 5627 §3.1.2: an anonymous call has a temporary GRUU, which tells nobody who calls',
  async (t) => {
    if (!requirePrograms(t, 'baresip')) return;
    const [here, there] = await startOverlay(t, ['proxy', 'proxy'], {
      users,
      more: () => ({ sip: { listen: ['udp://127.0.0.1:0', 'ws://127.0.0.1:0'] } }),
    });
    const alice = await SipJsPhone.open(t, {
      ...{ user: 'alice', transport: 'ws', port: here!.sipPort('ws') },
      instance: 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
    });
    t.is(await alice.register(), 200);
    const bob = await phone(t, there!, 'bob', 'udp');
    const call = await alice.call('bob', { anonymous: true });
    await call.until('200');
    const invite = /^INVITE sip:bob[\s\S]*?\r?\n\r?\n/m.exec(bob.log)?.[0] ?? '';
    t.regex(invite, /^Contact: .*<?sip:tgruu\.[\w-]+@example\.org;gr/m);
    t.notRegex(readable(invite), /alice/i);
    bob.command('hangup');
    await call.until('BYE');
    await bob.event('CALL_CLOSED', 5000);
  },
);

test.serial('RFC 5627 §6.1: from any peer a GRUU leads to its phone', async (t) => {
  if (!requirePrograms(t, 'baresip')) return;
  const listen = ['udp://127.0.0.1:0', 'ws://127.0.0.1:0'];
  const peers = await startOverlay(t, ['proxy', 'proxy', 'proxy'], {
    users,
    more: () => ({ sip: { listen } }),
  });
  const bob = await phone(t, peers[1]!, 'bob', 'udp');
  const given = /pub-gruu="sip:([^"@]+)@[^"]*?;gr=([^"]*)";temp-gruu="sip:([^"@]+)@/.exec(bob.log);
  const [, user, urn, temporary] = given ?? [];
  for (const peer of peers) {
    const alice = await SipJsPhone.open(t, { user: 'alice', transport: 'ws', port: peer.sipPort('ws') });
    t.is(await alice.register(), 200);
    for (const uri of [`sip:${user}@example.org;gr=${urn}`, `sip:${temporary}@example.org;gr`]) {
      bob.events.length = 0;
      const call = await alice.call(uri);
      await call.until('200');
      await bob.event('CALL_ESTABLISHED', 5000);
      t.is(await call.bye(), 200);
      await bob.event('CALL_CLOSED', 5000);
    }
    const nobody = `sip:${user}@example.org;gr=urn:uuid:00000000-0000-0000-0000-000000000000`;
    t.is(await alice.message(nobody, 'hello'), 480);
    await alice.unregister();
  }
});

test.serial('RFC 5627 §6.1: within a call too, from a peer that is on no Route of it', async (t) => {
  if (!requirePrograms(t, 'baresip')) return;
  const peers = await startOverlay(t, ['proxy', 'proxy', 'proxy'], {
    users,
    more: () => ({ sip: { auth: 'none' } }),
  });
  const bob = await phone(t, peers[1]!, 'bob', 'udp');
  const caller = await TestPhone.open(t, { port: peers[0]!.sipPort('udp') });
  const { dialog } = await caller.call('alice', 'bob');
  await bob.event('CALL_ESTABLISHED', 8000);
  t.regex(dialog!.target, PUBLIC);
  const elsewhere = await TestPhone.open(t, { port: peers[2]!.sipPort('udp') });
  t.is(await elsewhere.bye({ ...dialog!, routes: [] }), 200);
  await bob.event('CALL_CLOSED', 5000);
});

function phone(
  t: Parameters<typeof Baresip.open>[0],
  peer: GatewayProcess,
  user: string,
  transport: 'udp' | 'tcp',
): Promise<Baresip> {
  return Baresip.open(t, { peer, user, transport, account, traces: true });
}

async function talk(caller: Baresip, callee: Baresip): Promise<void> {
  caller.events.length = 0;
  callee.events.length = 0;
  caller.command('dial', `sip:${callee.options.user}@example.org`);
  await Promise.all([caller.event('CALL_ESTABLISHED', 8000), callee.event('CALL_ESTABLISHED', 8000)]);
}

/** Heads of all requests of a method that phones sent within calls, or that began one. */
function sentBy(method: string, ...phones: readonly Baresip[]): string {
  const head = new RegExp(`^${method} [\\s\\S]*?\\r?\\n\\r?\\n`, 'gm');
  const heads = phones.flatMap(({ log }) => log.match(head) ?? []);
  return heads
    .map((text) => (method === 'INVITE' ? text : text.slice(0, text.indexOf('SIP/2.0'))))
    .join('\n');
}

/** With all that is encoded in it. */
function readable(text: string): string {
  const decoded = text.match(/[\w+/-]{8,}/g)?.map((part) => Buffer.from(part, 'base64').toString('latin1'));
  return [text, ...(decoded ?? [])].join('\n');
}

interface Ports {
  link: number;
  sip: number;
}

async function ports(): Promise<Ports> {
  return { link: await freePort(), sip: await freePort() };
}

function config({ link, sip }: Ports, bootstrap?: number) {
  const start = bootstrap === undefined ? { first: true } : { bootstrap: [`tls://127.0.0.1:${bootstrap}`] };
  return {
    overlay: { name: 'example.org', listen: [`tls://127.0.0.1:${link}`], ...start },
    sip: { domains: ['example.org'], listen: [`udp://127.0.0.1:${sip}`, `tcp://127.0.0.1:${sip}`] },
  };
}
