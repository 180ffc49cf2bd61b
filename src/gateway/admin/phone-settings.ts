/** What the browser phone has to know before its user says anything. */
export interface PhoneSettings {
  /** Where phones connect: `ws://host:port`; empty when no listener is for browsers. */
  readonly webSockets: readonly string[];
  /** The SIP domain that a name without one belongs to. */
  readonly domain: string;
  /** Whether media of browsers is translated for plain phones. */
  readonly hasRelay: boolean;
}

/** @param sipUris of the listeners, `sips` with `transport=ws` being wss (RFC 7118 §5.2) */
export function phoneSettings(
  sipUris: readonly string[],
  about: Pick<PhoneSettings, 'domain' | 'hasRelay'>,
): PhoneSettings {
  const webSockets = sipUris
    .filter((uri) => uri.endsWith(';transport=ws'))
    .map((uri) =>
      uri
        .replace(/^sip/, 'ws')
        .replace(/^ws(s?):/, 'ws$1://')
        .replace(/;.*/, ''),
    );
  return { webSockets, ...about };
}
