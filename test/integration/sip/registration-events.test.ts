import test from 'ava';
import { header, methodOf, type SipText, uriOf } from '../../support/sip-text.ts';
import { TestServer, World } from './proxy-bench.ts';
import type { SimPhone, SimPhoneOptions, SimTransport } from './sim-phone.ts';

const ALICE = 'sip:alice@example.org';

async function setup(options: Partial<SimPhoneOptions> = {}) {
  const world = new World();
  const server = await TestServer.start(world, '192.0.2.1');
  server.challenges = false;
  const phone = await world.registered(server, 'alice', '192.0.2.10', { instance: 'urn:uuid:1', ...options });
  return { world, server, phone };
}

/** The subscription of a phone as it sees it. */
class Watcher {
  /** Of its SUBSCRIBEs. */
  contact: string;
  readonly #world: World;
  readonly #phone: SimPhone;
  readonly #from = `<${ALICE}>;tag=w1`;
  #cseq = 0;
  #to = `<${ALICE}>`;
  #target = ALICE;

  constructor(world: World, phone: SimPhone) {
    this.#world = world;
    this.#phone = phone;
    this.contact = phone.contact;
  }

  async subscribe(expires: number, more: [string, string][] = [], callId = 'sub1') {
    const parts = { from: this.#from, to: this.#to, callId, cseq: ++this.#cseq };
    const headers: [string, string][] = [
      ['Contact', this.contact],
      ['Event', 'reg;id=7'],
      ['Expires', String(expires)],
      ...more,
    ];
    const outcome = await this.#world.run(
      this.#phone.request('SUBSCRIBE', this.#target, { ...parts, more: headers }),
    );
    if (outcome.status === 200) {
      this.#to = header(outcome.final, 'to');
      this.#target = uriOf(header(outcome.final, 'contact'));
    }
    await this.#world.clock.advance(50);
    return outcome;
  }

  get notifies(): SipText[] {
    return this.#phone.received.filter((message) => methodOf(message) === 'NOTIFY');
  }

  /** The newest NOTIFY: its state, and the contacts with theirs. */
  get last() {
    const { body, headers } = this.notifies.at(-1)!;
    const contacts = [
      ...body.matchAll(/<contact id="(\w+)" state="(\w+)" event="(\w+)".*?<uri>(.*?)<\/uri>/g),
    ];
    return {
      state: headers.get('subscription-state')?.[0],
      version: /<reginfo [^>]*version="(\d+)"/.exec(body)?.[1],
      registration: /<registration [^>]*state="(\w+)"/.exec(body)?.[1],
      contacts: contacts.map(([, id, state, event, uri]) => `${id} ${state} ${event} ${uri}`),
    };
  }
}

for (const transport of ['UDP', 'TCP'] satisfies SimTransport[]) {
  test(`RFC 3680: a phone learns over ${transport} which contacts its user has, and every change`, async (t) => {
    const { world, server, phone } = await setup({ transport });
    const watcher = new Watcher(world, phone);
    const { status, final } = await watcher.subscribe(600);
    t.is(status, 200);
    t.is(header(final, 'expires'), '600');
    const own = uriOf(phone.contact);
    t.deepEqual(watcher.last, {
      ...{ state: 'active;expires=600', version: '0', registration: 'active' },
      contacts: [`c1 active registered ${own}`],
    });
    t.is(header(watcher.notifies[0]!, 'event'), 'reg;id=7');
    t.is(header(watcher.notifies[0]!, 'content-type'), 'application/reginfo+xml');
    t.true(
      watcher.notifies[0]!.body.includes(
        '<unknown-param name="+sip.instance">&lt;urn:uuid:1&gt;</unknown-param>',
      ),
    );
    await world.clock.advance(10_000);
    const second = await world.registered(server, 'alice', '192.0.2.11', { instance: 'urn:uuid:2' });
    await world.clock.advance(100);
    const other = uriOf(second.contact);
    t.deepEqual(watcher.last.contacts, [`c1 active registered ${own}`, `c2 active registered ${other}`]);
    await world.clock.advance(10_000);
    await world.run(second.register(0));
    await world.clock.advance(100);
    t.deepEqual(watcher.last.contacts, [
      `c1 active registered ${own}`,
      `c2 terminated unregistered ${other}`,
    ]);
    t.is(watcher.last.version, '2');
  });
}

test('RFC 3680 §4.7.1: a contact that runs out is told as expired; a mere refresh is no news', async (t) => {
  const { world, server, phone } = await setup();
  const watcher = new Watcher(world, phone);
  await watcher.subscribe(3600);
  const brief = await world.phone(server, 'alice', '192.0.2.11', { instance: 'urn:uuid:2' });
  await world.run(brief.register(60));
  await world.clock.advance(10_000);
  t.is(watcher.notifies.length, 2);
  await world.run(phone.register());
  await world.clock.advance(10_000);
  t.is(watcher.notifies.length, 2);
  await world.clock.advance(60_000);
  t.is(watcher.notifies.length, 3);
  t.deepEqual(watcher.last.contacts, [
    `c1 active refreshed ${uriOf(phone.contact)}`,
    `c2 terminated expired ${uriOf(brief.contact)}`,
  ]);
});

test('RFC 3680 §4.10: a subscriber is told no more often than every 5 s, and then of all that happened', async (t) => {
  const { world, server, phone } = await setup();
  const watcher = new Watcher(world, phone);
  await watcher.subscribe(3600);
  for (const host of ['192.0.2.11', '192.0.2.12', '192.0.2.13']) {
    const other = await world.registered(server, 'alice', host);
    await world.run(other.register(0));
  }
  t.is(watcher.notifies.length, 1);
  await world.clock.advance(5_100);
  t.is(watcher.notifies.length, 2);
  t.deepEqual(
    watcher.last.contacts.map((contact) => contact.split(' ').slice(1, 3).join(' ')),
    ['active registered', ...Array.from({ length: 3 }, () => 'terminated unregistered')],
  );
});

test('RFC 6665 §4.2.1: refreshed, ended by its subscriber, and run out', async (t) => {
  const { world, server, phone } = await setup();
  const watcher = new Watcher(world, phone);
  await watcher.subscribe(60);
  await world.clock.advance(50_000);
  t.is((await watcher.subscribe(60)).status, 200, 'a refresh is not challenged');
  t.is(watcher.notifies.length, 2);
  await world.clock.advance(50_000);
  t.is(server.events.size, 1);
  await world.clock.advance(11_000);
  t.is(server.events.size, 0);
  t.is(watcher.last.state, 'terminated;reason=timeout');
  t.is((await watcher.subscribe(60)).status, 481, 'what has ended cannot be refreshed');

  const again = new Watcher(world, phone);
  await again.subscribe(600, [], 'sub2');
  t.is((await again.subscribe(0, [], 'sub2')).status, 200);
  t.is(again.last.state, 'terminated;reason=timeout');
  t.is(server.events.size, 0);
});

test('RFC 3680 §4.7.2: a fetch tells the whole state once', async (t) => {
  const { world, server, phone } = await setup();
  const watcher = new Watcher(world, phone);
  t.is((await watcher.subscribe(0)).status, 200);
  t.is(watcher.last.contacts.length, 1);
  t.is(watcher.last.state, 'terminated;reason=timeout');
  t.is(server.events.size, 0);
});

test('RFC 6665 §4.2.2: a subscriber who does not take a NOTIFY is forgotten', async (t) => {
  const { world, server, phone } = await setup({ transport: 'TCP' });
  const watcher = new Watcher(world, phone);
  await watcher.subscribe(3600);
  await world.run(phone.reconnect());
  await world.clock.advance(10_000);
  await world.registered(server, 'alice', '192.0.2.11');
  await world.clock.advance(60_000);
  t.is(server.events.size, 0);
  t.deepEqual(server.core.transactions.counts, { clients: 0, servers: 0 });
});

test('RFC 5626 §5.3.1: a subscriber who came back over another connection is told there', async (t) => {
  const { world, server, phone } = await setup({ transport: 'TCP' });
  const watcher = new Watcher(world, phone);
  await watcher.subscribe(3600);
  await world.run(phone.reconnect());
  await world.run(phone.register());
  await world.clock.advance(10_000);
  await world.registered(server, 'alice', '192.0.2.11');
  await world.clock.advance(100);
  t.is(watcher.last.contacts.length, 2);
  t.is(server.events.size, 1);
});

test('RFC 3680 §4.5, RFC 6665 §4.2.1.1: what cannot be served is refused with what could be', async (t) => {
  const { world, server, phone } = await setup();
  let asked = 0;
  const ask = (more: [string, string][], expires = 600) =>
    new Watcher(world, phone).subscribe(expires, more, `ask${++asked}`);
  t.is((await ask([['Accept', 'application/pidf+xml']])).status, 406);
  t.is((await ask([['Accept', 'application/pidf+xml, application/reginfo+xml']])).status, 200);
  const brief = await ask([['X-Some', '1']], 10);
  t.is(brief.status, 423);
  t.is(header(brief.final, 'min-expires'), '60');
  t.is((await ask([['Record-Route', `<sip:${'p'.repeat(5000)}.example;lr>`]])).status, 400);
  t.is(server.events.size, 1);
});

test('bounds: a refresh may not bring what the first SUBSCRIBE may not; the subscription stays as it was', async (t) => {
  const { world, server, phone } = await setup();
  const watcher = new Watcher(world, phone);
  await watcher.subscribe(600);
  watcher.contact = `<sip:${'p'.repeat(5000)}@192.0.2.10>`;
  t.is((await watcher.subscribe(600)).status, 400);
  watcher.contact = phone.contact;
  t.is((await watcher.subscribe(600)).status, 200);
  t.is(watcher.notifies.length, 2);
  t.is(server.events.size, 1);
});

test('bounds: the eleventh subscription of one user ends the oldest', async (t) => {
  const { world, server, phone } = await setup();
  for (let count = 0; count < 11; count += 1) {
    const watcher = new Watcher(world, phone);
    t.is((await watcher.subscribe(600, [], `many${count}`)).status, 200);
  }
  t.is(server.events.size, 10);
  const ended = phone.received.filter((message) =>
    header(message, 'subscription-state').startsWith('terminated'),
  );
  t.deepEqual(
    ended.map((message) => header(message, 'call-id')),
    ['many0'],
  );
});

test('T16: a user who is revoked is told that his contacts are rejected', async (t) => {
  const { world, server, phone } = await setup();
  const watcher = new Watcher(world, phone);
  await watcher.subscribe(600);
  server.events.reject('alice@example.org');
  server.store.drop('alice@example.org');
  await world.clock.advance(10_000);
  t.is(watcher.last.state, 'terminated;reason=rejected');
  t.deepEqual(watcher.last.contacts, [`c1 terminated rejected ${uriOf(phone.contact)}`]);
  t.is(server.events.size, 0);
});

test('RFC 5628: a subscriber is told the public GRUU of a phone that has one', async (t) => {
  const { world, phone } = await setup({ gruu: 'pub-gruu' });
  const watcher = new Watcher(world, phone);
  t.is((await watcher.subscribe(600)).status, 200);
  const { body } = watcher.notifies.at(-1)!;
  t.true(body.includes(' xmlns:gr="urn:ietf:params:xml:ns:gruuinfo"'));
  t.true(body.includes(`<gr:pub-gruu uri="${phone.gruu}"/></contact>`), body);
});
