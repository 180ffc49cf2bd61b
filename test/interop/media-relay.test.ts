import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { GatewayProcess } from '../support/gateway.ts';
import { startOverlay } from '../support/overlay.ts';
import { phonesTalk } from '../support/phones.ts';
import { requirePrograms } from '../support/programs.ts';
import { startRtpengine } from '../support/rtpengine.ts';
import { eventually } from '../support/wait.ts';

// Media by a relay that we did not write, between phones that we did not write.

/** The ports that SIP messages of a peer name for audio. */
function audioPorts(peer: GatewayProcess): number[] {
  const trace = readFileSync(path.join(peer.directory, 'trace.pcapng'), 'latin1');
  return [...trace.matchAll(/^m=audio (\d+) /gm)].map(([, port]) => Number(port));
}

async function counter(peer: GatewayProcess, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await peer.metrics())?.[1]);
}

for (const [where, roles] of [
  ['one peer', ['proxy']],
  ['two peers', ['proxy', 'proxy']],
] as const) {
  test.serial(`media: always: two phones at ${where} hear each other through rtpengine`, async (t) => {
    if (!requirePrograms(t, 'rtpengine', 'baresip')) return;
    const relay = await startRtpengine(t);
    const more = () => ({ media: { relay: 'always', rtpengine: relay.url }, trace: './trace.pcapng' });
    const peers = await startOverlay(t, roles, { more });
    const [near] = peers;
    const far = peers.at(-1);
    await phonesTalk(t, {
      server1: `127.0.0.1:${near!.sipPort()}`,
      server2: `127.0.0.1:${far!.sipPort()}`,
      domain: 'example.org',
    });
    t.true((await counter(near!, 'sip_media_relayed_total')) > 0);
    t.is(await counter(near!, 'sip_media_failures_total'), 0);
    await eventually('rtpengine to forget the call', 3000, async () => (await relay.calls()).length === 0);
    for (const peer of new Set([near!, far!])) {
      await peer.stop();
      const ports = audioPorts(peer);
      t.true(
        ports.some((port) => relay.hasPort(port)),
        ports.join(),
      );
      t.true(
        ports.some((port) => !relay.hasPort(port)),
        ports.join(),
      );
    }
  });
}

test.serial(
  'media: nat: phones that reach each other are left alone, and a silent relay holds up no call',
  async (t) => {
    if (!requirePrograms(t, 'rtpengine', 'baresip')) return;
    const relay = await startRtpengine(t);
    const [near, far] = await startOverlay(t, ['proxy', 'proxy'], {
      more: (index) => ({
        media:
          index === 0
            ? { relay: 'nat', rtpengine: relay.url }
            : { relay: 'always', rtpengine: 'udp://127.0.0.1:9' },
      }),
    });
    await phonesTalk(t, {
      server1: `127.0.0.1:${near!.sipPort()}`,
      server2: `127.0.0.1:${far!.sipPort()}`,
      domain: 'example.org',
    });
    t.is(await counter(near!, 'sip_media_relayed_total'), 0);
    t.true((await counter(far!, 'sip_media_failures_total')) > 0);
  },
);
