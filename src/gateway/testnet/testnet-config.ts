import type { Account } from '../../sip/auth/credentials.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { buildConfig } from '../config/load-config.ts';

/** What a testnet is made of. */
export interface TestnetOptions {
  readonly peers: number;
  /** How many of them have SIP ports. */
  readonly gateways: number;
  /** Users besides alice and bob: u000000, u000001, … All have the password `secret`. */
  readonly users: number;
  readonly auth: 'digest' | 'none';
  readonly mode: 'proxy' | 'redirect';
  readonly overlay: string;
  /** The first gateway's port, the next one up for each further; 0 = any free ones. */
  readonly sipPort: number;
  readonly keyType: 'ec' | 'rsa';
}

export const testnetDefaults: TestnetOptions = {
  peers: 5,
  gateways: 2,
  users: 0,
  auth: 'digest',
  mode: 'proxy',
  overlay: 'example.org',
  sipPort: 0,
  keyType: 'ec',
};

/** The users every gateway of the testnet knows. */
export function testnetUsers({ users, overlay }: TestnetOptions): Account[] {
  const numbered = Array.from({ length: users }, (_, i) => `u${String(i).padStart(6, '0')}`);
  return ['alice', 'bob', ...numbered].map((user) => ({ aor: `${user}@${overlay}`, password: 'secret' }));
}

/**
 * The configuration of peer `index`: loopback, any free ports, nothing on disk.
 * @param bootstrap where the first peer accepts links; left out for that one
 * @throws ConfigError when the options do not make a valid one
 */
export function testnetPeerConfig(
  options: TestnetOptions,
  index: number,
  { bootstrap, users }: { bootstrap?: string; users: readonly Account[] },
): GatewayConfig {
  const port = options.sipPort === 0 ? 0 : options.sipPort + index;
  const sip = {
    mode: options.mode,
    // The WebSocket is for the browser phone: it is told the port.
    listen: [`udp://127.0.0.1:${port}`, `tcp://127.0.0.1:${port}`, 'ws://127.0.0.1:0'],
    auth: options.auth,
  };
  const tree = {
    overlay: {
      name: options.overlay,
      listen: ['tls://127.0.0.1:0'],
      key: options.keyType,
      ...(bootstrap === undefined ? { first: true } : { bootstrap: [bootstrap] }),
    },
    sip: index < options.gateways ? sip : { mode: 'off' },
    admin: 'http://127.0.0.1:0',
    data: 'memory',
  };
  return buildConfig(tree, { file: `testnet peer ${index + 1}`, directory: process.cwd(), users }).config;
}
