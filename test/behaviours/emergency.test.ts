import type { ExecutionContext } from 'ava';
import { behaviour } from './behaviour.ts';
import { Edge } from './edge.ts';

const TRUNK = '198.51.100.9';

/** Alice's phone, and the telephone network that calls for help go to. */
async function start(t: ExecutionContext, options: object = {}) {
  const trunks = [{ match: '^112$', to: `sip:${TRUNK}`, from: [TRUNK] }];
  const edge = await Edge.start(t, { auth: 'digest', trunks, ...options });
  const network = await edge.phone('112', { host: TRUNK, domain: TRUNK });
  return { alice: await edge.phone('alice'), network };
}

behaviour('RFC 5031 §4.2: urn:service:sos is dialled as the first emergency number', async (t) => {
  const { alice, network } = await start(t);
  for (const urn of ['urn:service:sos', 'URN:service:sos.fire']) {
    const invite = alice.invite(urn);
    alice.authorized(invite, await alice.expect(407));
    t.regex((await network.expect('INVITE')).uri, new RegExp(`^sip:112@${TRUNK}`));
  }
});

behaviour('RFC 3261 §16.3 item 2: where no number is known, urn:service:sos is 416', async (t) => {
  const { alice } = await start(t, { emergency: [] });
  alice.invite('urn:service:sos');
  t.is((await alice.expect(416)).header('To').includes(';tag='), true);
});

behaviour('RFC 3261 §8.2.2.1: a URN of another service is 416', async (t) => {
  const { alice } = await start(t);
  alice.invite('urn:service:counseling');
  t.is((await alice.expect(416)).header('To').includes(';tag='), true);
});
