const LITERAL = /^[0-9A-Fa-f:.]+$/;

/**
 * An IPv6 address as RFC 5952 writes it, so that equal addresses are equal texts; IPv4-mapped ones in dotted form, as
 * sockets name them (§5).
 * NOTE: RFC 3261's grammar allows a third colon before an IPv4 part; it is not seen (RFC 5118 §4.10).
 * @returns undefined when it is no IPv6 address
 */
export function canonicalIpv6(text: string): string | undefined {
  if (!LITERAL.test(text) || !text.includes(':')) return undefined;
  const canonical = canonicalHost(text.replace(/:::(?=[0-9]+\.)/, '::'));
  if (canonical === undefined) return undefined;
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped === null) return canonical;
  const bits = [mapped[1], mapped[2]].map((part) => Number.parseInt(part!, 16));
  return `::ffff:${bits.flatMap((part) => [part >> 8, part & 255]).join('.')}`;
}

function canonicalHost(address: string): string | undefined {
  try {
    return new URL(`http://[${address}]`).hostname.slice(1, -1);
  } catch {
    return undefined;
  }
}
