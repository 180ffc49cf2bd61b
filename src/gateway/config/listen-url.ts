import { isIPv4, isIPv6 } from 'node:net';
import { CodedError } from '../../base/index.ts';

/** `scheme://host:port` taken apart; the host is an IP literal without brackets, or a name in lower case. */
export interface ListenUrl {
  readonly scheme: string;
  readonly host: string;
  /** Undefined when the text names none. */
  readonly port: number | undefined;
}

const SHAPE = /^([a-z]+):\/\/(\[[0-9a-fA-F:.]+\]|[^[\]:/?#@\s]+)(?::(\d{1,5}))?\/?$/;
const HOST_NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/**
 * Reads an address of the configuration file. `localhost` becomes 127.0.0.1, so that a peer does not land on ::1
 * on one machine and on 127.0.0.1 on another.
 * @throws CodedError 'bad-url', the message a phrase that completes "<text> …"
 */
export function parseListenUrl(text: string): ListenUrl {
  const match = SHAPE.exec(text);
  if (match === null) throw new CodedError('bad-url', 'is not an address');
  const [, scheme = '', bracketed = '', portText] = match;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && port > 65535) throw new CodedError('bad-url', 'has a port beyond 65535');
  return { scheme, host: normaliseHost(bracketed), port };
}

function normaliseHost(text: string): string {
  if (text.startsWith('[')) {
    const host = text.slice(1, -1).toLowerCase();
    if (!isIPv6(host)) throw new CodedError('bad-url', 'has a wrong IPv6 address');
    return host;
  }
  if (isIPv4(text)) return text;
  const host = text.toLowerCase();
  if (host === 'localhost') return '127.0.0.1';
  if (/^[\d.]+$/.test(host) || !isHostName(host)) throw new CodedError('bad-url', 'has a wrong host');
  return host;
}

/** True for a DNS name in lower case: labels of letters, digits and hyphens. */
export function isHostName(text: string): boolean {
  return text.length <= 253 && HOST_NAME.test(text);
}

export function isIpLiteral(host: string): boolean {
  return isIPv4(host) || isIPv6(host);
}
