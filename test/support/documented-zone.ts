import { readFileSync } from 'node:fs';
import type { Answer } from 'dns-packet';

/** What the hosts and ports of a zone are in a test. */
export interface ZoneChanges {
  readonly address: (written: string) => string;
  readonly port: (written: number, host: string, service: string) => number;
}

/** The records in the block under `<!-- zone NAME -->`, in the form of a zone file (RFC 1035 §5). */
export function documentedZone(markdownFile: string, name: string, changes: ZoneChanges): Answer[] {
  const text = readFileSync(markdownFile, 'utf8');
  const block = new RegExp(`<!-- zone ${name} -->\\s*\`\`\`\\w*\\n([\\s\\S]*?)\`\`\``).exec(text)?.[1];
  if (block === undefined) throw new Error(`no zone ${name} in ${markdownFile}`);
  return block
    .trim()
    .split('\n')
    .map((line) => recordOf(line, changes));
}

function recordOf(line: string, changes: ZoneChanges): Answer {
  const [owner = '', ttlText = '', , type, ...data] = line.trim().split(/\s+/);
  const common = { name: plain(owner), ttl: Number(ttlText) };
  switch (type) {
    case 'A':
      return { ...common, type, data: changes.address(data[0] ?? '') };
    case 'SRV': {
      const [priority = 0, weight = 0, port = 0] = data.map(Number);
      const target = plain(data[3] ?? '');
      const changed = changes.port(port, target, common.name);
      return { ...common, type, data: { priority, weight, port: changed, target } };
    }
    case 'NAPTR': {
      const [flags = '', services = '', regexp = ''] = data
        .slice(2, 5)
        .map((quoted) => quoted.replaceAll('"', ''));
      const [order = 0, preference = 0] = data.map(Number);
      const replacement = plain(data[5] ?? '');
      return { ...common, type, data: { order, preference, flags, services, regexp, replacement } };
    }
    default:
      throw new Error(`not a record: ${line}`);
  }
}

function plain(name: string): string {
  if (!name.endsWith('.')) throw new Error(`${name} has no dot at its end`);
  return name.slice(0, -1);
}
