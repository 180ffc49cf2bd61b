import test, { type ExecutionContext } from 'ava';
import { type Endpoint, endpointKinds, startEndpoint } from '../support/endpoint.ts';
import type { GatewayProcess } from '../support/gateway.ts';
import { startOverlay } from '../support/overlay.ts';
import { requirePrograms } from '../support/programs.ts';
import { sipTlsFiles } from '../support/tls-files.ts';
import { installWebSocket } from '../support/web-socket.ts';

// Phones of three makes over five transports, each calling each: within one peer, and across two.

const files = sipTlsFiles();
installWebSocket(files.authority);

const groups = ['caller', 'near', 'far'] as const;
const userOf = (group: string, index: number) => `${group}${index}`;
const users = groups.flatMap((group) =>
  endpointKinds.map((_, i) => ({ aor: `${userOf(group, i)}@example.org`, password: 'secret' })),
);

test('A7, A11, P4: every ordered pair of seven kinds of phones calls, on one peer and across two: 98 calls', async (t) => {
  if (!requirePrograms(t, 'baresip', 'sipp')) return;
  t.timeout(400_000);
  const listen = ['udp', 'tcp', 'tls', 'ws', 'wss'].map((scheme) => `${scheme}://127.0.0.1:0`);
  const { cert, key } = files;
  const [peer1, peer2] = await startOverlay(t, ['proxy', 'proxy'], {
    users,
    more: () => ({ sip: { listen, tls: { cert, key } } }),
  });
  const callers = await startAll(t, 'caller', peer1!);
  const near = await startAll(t, 'near', peer1!);
  const far = await startAll(t, 'far', peer2!);
  const failed: string[] = [];
  for (const [where, callees] of [
    ['one peer', near],
    ['two peers', far],
  ] as const) {
    for (const caller of callers) {
      for (const callee of callees) {
        await Promise.all([callee.answer(), caller.call(callee.user)]).catch((error) => {
          failed.push(`${caller.kind} to ${callee.kind}, ${where}: ${error}`);
        });
      }
    }
  }
  t.deepEqual(failed, []);
});

function startAll(t: ExecutionContext, group: string, peer: GatewayProcess): Promise<Endpoint[]> {
  const { authority } = files;
  return Promise.all(
    endpointKinds.map((kind, i) => startEndpoint(t, { kind, user: userOf(group, i), peer, authority })),
  );
}
