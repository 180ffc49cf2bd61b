import type { ExecutionContext } from 'ava';
import { behaviour } from './behaviour.ts';
import { Edge } from './edge.ts';

/** Whether a registrar takes two contacts for the same: the second then replaces the first (RFC 3261 §10.3). */
async function areSame(t: ExecutionContext, first: string, second: string): Promise<boolean> {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  await bob.register({ headers: { Contact: `<${first}>` } });
  return (await bob.register({ headers: { Contact: `<${second}>` } })).list('Contact').length === 1;
}

behaviour(
  'RFC 3261 §19.1.4: an escaped character is the character, host and parameters have no case',
  async (t) => {
    t.true(await areSame(t, 'sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'));
  },
);

// Kamailio: Contacts are compared as text: two bindings.
behaviour('RFC 3261 §19.1.4: a parameter that means nothing is ignored where only one has it', async (t) => {
  t.true(await areSame(t, 'sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'));
});

behaviour('RFC 3261 §19.1.4: a parameter that both have must be the same', async (t) => {
  t.false(await areSame(t, 'sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'));
});

behaviour('RFC 3261 §19.1.4: the order of parameters does not count', async (t) => {
  const [a, b] = ['transport=tcp;method=REGISTER', 'method=REGISTER;transport=tcp'];
  t.true(
    await areSame(
      t,
      `sip:biloxi.com;${a}?to=sip:bob%40biloxi.com`,
      `sip:biloxi.com;${b}?to=sip:bob%40biloxi.com`,
    ),
  );
});

behaviour('RFC 3261 §19.1.4: the order of headers does not count', async (t) => {
  const [a, b] = ['subject=project%20x&priority=urgent', 'priority=urgent&subject=project%20x'];
  t.true(await areSame(t, `sip:alice@atlanta.com?${a}`, `sip:alice@atlanta.com?${b}`));
});

behaviour('RFC 3261 §19.1.4: a header in only one of them makes them differ', async (t) => {
  t.false(await areSame(t, 'sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'));
});

behaviour('RFC 3261 §19.1.4: the user part has case', async (t) => {
  t.false(await areSame(t, 'SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'));
});

behaviour('RFC 3261 §19.1.4: no port is another than port 5060', async (t) => {
  t.false(await areSame(t, 'sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'));
});

behaviour('RFC 3261 §19.1.4: no transport is another than transport=udp', async (t) => {
  t.false(await areSame(t, 'sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'));
});

behaviour('RFC 3261 §19.1.4: user, ttl, method and maddr count also where only one has them', async (t) => {
  for (const parameter of ['user=phone', 'ttl=15', 'method=INVITE', 'maddr=192.0.2.4'])
    t.false(await areSame(t, 'sip:bob@192.0.2.90', `sip:bob@192.0.2.90;${parameter}`), parameter);
});

behaviour('RFC 3261 §19.1.4: a name is another than the address it stands for', async (t) => {
  t.false(await areSame(t, 'sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'));
});

behaviour('RFC 3261 §19.1.4: a password in only one of them makes them differ', async (t) => {
  t.false(await areSame(t, 'sip:bob@192.0.2.90', 'sip:bob:secret@192.0.2.90'));
});
