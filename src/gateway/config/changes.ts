import { isDeepStrictEqual } from 'node:util';
import type { GatewayConfig } from './gateway-config.ts';

/** What a running peer takes over at once. */
export interface LiveConfig {
  readonly users: GatewayConfig['users'];
  readonly sip: Pick<GatewayConfig['sip'], 'allow' | 'expires' | 'maxContacts'>;
  readonly log: Pick<GatewayConfig['log'], 'level'>;
}

/** The keys of `LiveConfig`, as they stand in the file. */
const LIVE: ReadonlySet<string> = new Set([
  'users',
  'sip.allow',
  'sip.expires',
  'sip.max-contacts',
  'log.level',
]);

/** Where a key of the file has another name in the code. */
const KEYS: Readonly<Record<string, string>> = {
  sipLinkPort: 'sip-link',
  sharedSecret: 'shared-secret-file',
  keyType: 'key',
  server: 'document',
  serverAuthorities: 'ca-file',
  tlsAuthorities: 'tls-ca',
  nameServers: 'dns',
  policy: 'relay',
};

export interface Changes {
  /** Keys of the file that differ, and are taken over at once. */
  readonly live: readonly string[];
  /** Keys that differ, and are read at the next start only. */
  readonly atRestart: readonly string[];
}

/** What differs between the configuration that runs and another one. */
export function changesBetween(running: GatewayConfig, next: GatewayConfig): Changes {
  const keys = new Set<string>();
  for (const [section, value] of Object.entries(next)) {
    if (section === 'file') continue;
    const before: unknown = running[section as keyof GatewayConfig];
    if (!isBlock(value) || !isBlock(before)) {
      if (!isDeepStrictEqual(before, value)) keys.add(section);
      continue;
    }
    for (const key of new Set([...Object.keys(before), ...Object.keys(value)])) {
      if (!isDeepStrictEqual(before[key], value[key])) keys.add(`${section}.${KEYS[key] ?? kebab(key)}`);
    }
  }
  return {
    live: [...keys].filter((key) => LIVE.has(key)),
    atRestart: [...keys].filter((key) => !LIVE.has(key)),
  };
}

/** The running configuration with the live keys of another one. */
export function withLive(running: GatewayConfig, { users, sip, log }: LiveConfig): GatewayConfig {
  const { allow, expires, maxContacts } = sip;
  return {
    ...running,
    users,
    sip: { ...running.sip, allow, expires, maxContacts },
    log: { ...running.log, level: log.level },
  };
}

function isBlock(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
