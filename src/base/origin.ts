/**
 * Who is behind an IP address, for limits: an IPv4 address, or the /64 of an IPv6 address, since one host usually
 * has a whole /64 to choose from.
 */
export function originOf(host: string): string {
  if (!host.includes(':')) return host;
  if (host.toLowerCase().startsWith('::ffff:') && host.includes('.')) return host.slice(7);
  const [head = '', tail] = host.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length;
    while (groups.length + after < 8) groups.push('0');
    if (after > 0) groups.push(...tail.split(':'));
  }
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':');
}
