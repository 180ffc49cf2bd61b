import { isIP } from 'node:net';
import * as v from 'valibot';
import { nameServer } from '../../net/dns/name-server.ts';
import { block, choice, domainName, flag, integer, list, secretText, sipUri, text, url } from './scalars.ts';

const SIP_SCHEMES = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const;

/** The default ports of RFC 3261 §19.1.2 and RFC 7118 §5.2.2. */
function sipPort(scheme: string): number {
  const ports: Record<string, number> = { tls: 5061, ws: 80, wss: 443 };
  return ports[scheme] ?? 5060;
}

const overlayUrl = { schemes: ['tls', 'dtls'], defaultPort: 6084 } as const;
const sipUrl = { schemes: SIP_SCHEMES, defaultPort: sipPort } as const;
const adminListen = url({ schemes: ['http', 'https'], defaultPort: 8060, names: false });
const path = text('give a file name');

const overlay = block({
  name: domainName(),
  document: v.optional(path),
  first: v.optional(flag(), false),
  role: v.optional(choice(['peer', 'client']), 'peer'),
  listen: v.optional(list(url({ ...overlayUrl, names: false })), 'tls://127.0.0.1:6084'),
  bootstrap: v.optional(list(url({ ...overlayUrl, names: true })), []),
  advertise: v.optional(list(url({ ...overlayUrl, names: false })), []),
  'sip-link': v.optional(integer(0, 65535), 0),
  'shared-secret-file': v.optional(path),
  allow: v.optional(list(nodeId())),
  open: v.optional(flag(), false),
  'local-discovery': v.optional(flag()),
  key: v.optional(choice(['ec', 'rsa']), 'ec'),
  enroll: v.optional(
    block({ username: text('give a name of printable ASCII', isAccountName), 'password-file': path }),
  ),
  'ca-file': v.optional(path),
});

const seconds = integer(1, 86_400);

const sip = block({
  mode: v.optional(choice(['proxy', 'redirect', 'off']), 'proxy'),
  listen: v.optional(list(url({ ...sipUrl, names: false })), [
    'udp://127.0.0.1:5060',
    'tcp://127.0.0.1:5060',
  ]),
  advertise: v.optional(list(url({ ...sipUrl, names: true })), []),
  tls: v.optional(list(block({ cert: path, key: path })), []),
  'tls-ca': v.optional(path),
  dns: v.optional(
    list(text('give the address of a name server, like 192.0.2.53 or 127.0.0.1:5353', isNameServer)),
  ),
  digest: v.optional(list(choice(['md5', 'sha-256'])), ['md5']),
  expires: v.optional(
    block({
      min: v.optional(seconds, 60),
      default: v.optional(seconds, 3600),
      max: v.optional(seconds, 7200),
    }),
    {},
  ),
  'max-contacts': v.optional(integer(1, 100), 10),
  'max-bindings': v.optional(integer(1, 10_000_000), 250_000),
  'service-route': v.optional(flag(), false),
  gruu: v.optional(flag(), true),
  overload: v.optional(flag(), true),
  emergency: v.optional(list(text("give a number as it is dialled, like '112'", isDialled)), ['112', '911']),
  allow: v.optional(list(text('give an address or prefix, like 192.0.2.0/24', isPrefix)), []),
  trunks: v.optional(
    list(
      block({
        match: text("write a regular expression, like '^\\+'", isPattern),
        to: v.optional(sipUri('write a SIP URI, like sip:trunk.example.net')),
        peers: v.optional(v.pipe(list(nodeId()), v.maxLength(8, 'has too many entries; give at most 8'))),
        share: v.optional(flag(), false),
        from: v.optional(list(text('give an address or prefix, like 192.0.2.0/24', isPrefix)), []),
        identity: v.optional(choice(['none', 'trusted']), 'none'),
      }),
    ),
    [],
  ),
  public: v.optional(list(sipUri('write a SIP URI, like sip:gw1.example.org:5060')), []),
  domains: v.optional(list(domainName())),
  auth: v.optional(choice(['digest', 'none']), 'digest'),
});

/** `admin: URL`, `admin: off`, or a block with the token file. */
const admin = v.lazy((input) => {
  if (input === 'off') return v.literal('off');
  if (typeof input === 'string') return adminListen;
  return block({ listen: adminListen, 'token-file': v.optional(path) });
});

const traceBlock = block({
  file: v.optional(path),
  'max-mb': v.optional(integer(1, 100_000), 64),
  keep: v.optional(integer(0, 100), 2),
  hep: v.optional(url({ schemes: ['udp'], defaultPort: 9060, names: false })),
  'capture-id': v.optional(integer(0, 0xffff_ffff), 2001),
});

/** `trace: FILE`, or a block that says more. */
const trace = v.lazy((input) =>
  typeof input === 'string'
    ? v.pipe(
        path,
        v.transform((file) => v.parse(traceBlock, { file })),
      )
    : traceBlock,
);

const relayPolicy = choice(['never', 'nat', 'always']);
const mediaBlock = block({
  relay: v.optional(relayPolicy, 'nat'),
  rtpengine: v.optional(url({ schemes: ['udp'], defaultPort: 2223, names: false }), 'udp://127.0.0.1:2223'),
});

/** `media: nat`, or a block that says where the relay is. */
const media = v.lazy((input) =>
  typeof input === 'string'
    ? v.pipe(
        relayPolicy,
        v.transform((relay) => v.parse(mediaBlock, { relay })),
      )
    : mediaBlock,
);

/** The configuration file, `null` values taken out before. */
export const configSchema = block({
  overlay,
  sip: v.optional(sip, {}),
  media: v.optional(media, 'never'),
  users: v.optional(path),
  admin: v.optional(admin, 'http://127.0.0.1:8060'),
  data: v.optional(path, './data'),
  durability: v.optional(choice(['commit', 'power']), 'commit'),
  log: v.optional(
    block({
      level: v.optional(choice(['error', 'warn', 'info', 'debug']), 'info'),
      format: v.optional(choice(['text', 'json']), 'text'),
    }),
    {},
  ),
  calls: v.optional(block({ keep: v.optional(integer(0, 10_000), 200) }), {}),
  accounting: v.optional(path),
  trace: v.optional(trace),
});

export type ParsedConfig = v.InferOutput<typeof configSchema>;

const hash = (digits: number) =>
  secretText(
    `give ${digits} hex digits in quotes`,
    (value) => value.length === digits && /^[0-9a-f]+$/i.test(value),
  );

/** The users file. */
export const usersSchema = block({
  users: v.array(
    block({
      aor: text('write it like alice@example.org'),
      password: v.optional(secretText('give a text (in quotes where it is a number)')),
      ha1: v.optional(hash(32)),
      'ha1-sha256': v.optional(hash(64)),
    }),
    'is not a list; write one "- {aor: alice@example.org, password: ...}" a line',
  ),
});

export type ParsedUsers = v.InferOutput<typeof usersSchema>;

function nodeId() {
  return text('give a Node-ID, 32 hex digits', (id) => /^[0-9a-f]{32}$/i.test(id));
}

function isPattern(value: string): boolean {
  try {
    return new RegExp(value) instanceof RegExp;
  } catch {
    return false;
  }
}

function isDialled(value: string): boolean {
  return /^[0-9*#]{1,32}$/.test(value);
}

function isAccountName(value: string): boolean {
  return /^[\x21-\x7e]{1,254}$/.test(value);
}

function isNameServer(value: string): boolean {
  try {
    return nameServer(value) !== undefined;
  } catch {
    return false;
  }
}

function isPrefix(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
