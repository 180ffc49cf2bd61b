import { createHash } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { type ConfigObject, type GatewayProcess, type StartOptions, startGateway } from './gateway.ts';
import { eventually } from './wait.ts';

/** What one peer of a test overlay does with SIP. */
export type Role = 'proxy' | 'redirect' | 'off';

/** What `GET /ring` and `/status` of a peer say, as far as the tests look. */
export interface RingAnswer {
  node: string;
  state: string;
  predecessors: string[];
  successors: string[];
}

export interface LookupAnswer {
  aor: string;
  resourceId: string;
  entries: { node: string; type: string; destinationList: string[] }[];
}

export interface OverlayOptions extends StartOptions {
  name?: string;
  /** Put over each peer's configuration, section by section. */
  more?: (index: number) => Record<string, Record<string, unknown> | string>;
  /** Called with each peer before the next one is configured. */
  onStarted?: (peer: GatewayProcess) => void;
}

/**
 * Peers on loopback in one self-signed overlay, started one after the other, the first one as the ring's first.
 * Resolves when every peer's ring is the same.
 */
export async function startOverlay(
  t: ExecutionContext,
  roles: readonly Role[],
  options: OverlayOptions = {},
): Promise<GatewayProcess[]> {
  const peers: GatewayProcess[] = [];
  let firstLink = 0;
  for (const [index, role] of roles.entries()) {
    const peer = await startGateway(
      t,
      async (port) => {
        const link = await port();
        if (index === 0) firstLink = link;
        const config: ConfigObject = peerConfig(
          options.name ?? 'example.org',
          role,
          link,
          index === 0 ? 0 : firstLink,
        );
        for (const [section, value] of Object.entries(options.more?.(index) ?? {})) {
          config[section] = typeof value === 'string' ? value : { ...(config[section] as object), ...value };
        }
        return config;
      },
      options,
    );
    peers.push(peer);
    options.onStarted?.(peer);
  }
  await eventually('one consistent ring', 15_000, () => ringIsConsistent(peers));
  return peers;
}

/** The configuration of one peer as an operator would write it: at most 15 lines of YAML. */
function peerConfig(name: string, role: Role, link: number, bootstrap: number): ConfigObject {
  return {
    overlay: {
      name,
      listen: [`tls://127.0.0.1:${link}`],
      ...(bootstrap === 0 ? { first: true } : { bootstrap: [`tls://127.0.0.1:${bootstrap}`] }),
    },
    sip: {
      mode: role,
      domains: ['example.org'],
      ...(role === 'off' ? {} : { listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'] }),
    },
  };
}

/** True when each peer's first successor and predecessor are its neighbours in the order of Node-IDs. */
export async function ringIsConsistent(peers: readonly GatewayProcess[]): Promise<boolean> {
  if (peers.length < 2) return true;
  const order = peers.map((peer) => peer.nodeId).sort();
  const rings = await Promise.all(peers.map((peer) => peer.admin<RingAnswer>('/ring')));
  return rings.every((ring) => {
    const place = order.indexOf(ring.node);
    const successor = order[(place + 1) % order.length];
    const predecessor = order[(place + order.length - 1) % order.length];
    return ring.successors[0] === successor && ring.predecessors[0] === predecessor;
  });
}

/** RFC 6940 §10.2: the top 128 bits of SHA-1, over the AoR as RFC 7904 §2 writes it; in hex. */
export function resourceIdOf(aor: string): string {
  return createHash('sha1').update(aor).digest('hex').slice(0, 32);
}

/** The peer responsible for a Resource-ID: the first Node-ID at or after it (RFC 6940 §10.1). */
export function responsiblePeer(peers: readonly GatewayProcess[], resourceId: string): GatewayProcess {
  const sorted = [...peers].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  return sorted.find((peer) => peer.nodeId >= resourceId) ?? (sorted[0] as GatewayProcess);
}
