import test from 'ava';
import type { CodedError, GroupSocket } from '../../../src/base/index.ts';
import { SystemMulticast } from '../../../src/net/index.ts';
import { freePort } from '../../support/ports.ts';
import { eventually } from '../../support/wait.ts';

const multicast = new SystemMulticast();

/** Undefined where no interface of this machine carries multicast, which must be said so. */
async function join(
  t: { log: (text: string) => void; is: (a: unknown, b: unknown) => boolean },
  host: string,
  port: number,
) {
  const heard: string[] = [];
  const from: string[] = [];
  try {
    const socket = await multicast.join(
      { host, port },
      {
        onDatagram: (data, source) => {
          heard.push(data.toString());
          from.push(source.host);
        },
      },
      { hops: 1 },
    );
    return { socket, heard, from, port };
  } catch (error) {
    t.is((error as CodedError).code, 'multicast-unavailable');
    t.log((error as Error).message);
    return undefined;
  }
}

for (const host of ['239.255.77.1', 'ff12::7701']) {
  test(`A21: two members of ${host} on one machine hear each other and themselves, each once`, async (t) => {
    const port = await freePort();
    const a = await join(t, host, port);
    const b = await join(t, host, port);
    if (a === undefined || b === undefined) return t.pass();
    a.socket.send(Buffer.from('hello'));
    await eventually('the datagram at both', 2_000, async () => a.heard.length > 0 && b.heard.length > 0);
    // Answering goes to the member's own port.
    b.socket.sendTo(Buffer.from('back'), { host: b.from[0]!, port });
    await close(a.socket, b.socket);
    t.deepEqual(new Set([...a.heard, ...b.heard]), new Set(['hello']));
    t.is(b.heard.length, 1);
  });
}

test('A21: other groups on the same port, and datagrams to the port itself, are not heard', async (t) => {
  const port = await freePort();
  const a = await join(t, '239.255.77.2', port);
  const other = await join(t, '239.255.77.3', port);
  if (a === undefined || other === undefined) return t.pass();
  other.socket.send(Buffer.from('not for a'));
  await eventually('it at its own group', 2_000, async () => other.heard.length > 0);
  t.deepEqual(a.heard, []);
  await close(a.socket, other.socket);
  a.socket.send(Buffer.from('after the end'));
  await a.socket.close();
});

async function close(...sockets: readonly GroupSocket[]): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.close()));
}
