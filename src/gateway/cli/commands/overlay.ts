import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Address, isBroadcast, isMulticast } from '../../../base/index.ts';
import type { OverlayDocument } from '../../../reload/document/overlay-document.ts';
import type { DocumentChanges } from '../../../reload/enrollment/next-document.ts';
import { isNodeId } from '../../../reload/wire/ids.ts';
import { isHostName, isIpLiteral } from '../../config/listen-url.ts';
import { AuthorityDirectory, enrollmentUrl } from '../../enrollment/authority-directory.ts';
import { RESERVED_PATHS } from '../../enrollment/reserved-paths.ts';
import {
  type AuthorityOptions,
  authorityDeps,
  explained,
  openAuthority,
  sizeWarning,
  withAuthorityOptions,
} from '../authority.ts';
import { type CliEnvironment, CommandError, printLine } from '../environment.ts';
import { formatPairs } from '../table.ts';

const DEFAULT_PORT = 6084;

interface CreateOptions extends AuthorityOptions {
  readonly enrollment?: string;
  readonly key: string;
  readonly bootstrap: readonly string[];
  readonly json?: boolean;
}

interface UpdateOptions extends AuthorityOptions {
  readonly addBootstrap: readonly string[];
  readonly removeBootstrap: readonly string[];
  readonly multicast?: readonly string[];
  readonly badNode: readonly string[];
  readonly json?: boolean;
}

export function addOverlay(program: Command, environment: CliEnvironment): void {
  const overlay = program.command('overlay').description('make an overlay, and change its configuration');
  overlay
    .command('create')
    .argument('<name>', 'name of the overlay, a domain name like example.org')
    .requiredOption('--dir <directory>', 'where to put it; must be new or empty')
    .option('--enrollment <url>', 'https URL where peers will reach the enrollment server', undefined)
    .option('--key <type>', 'ec or rsa', 'ec')
    .option('--bootstrap <host:port>', 'IP address of a peer to join through (repeatable)', collect, [])
    .option('--json', 'print JSON')
    .description('make an overlay: certificates, signed configuration document, account store')
    .action((name: string, options: CreateOptions) => explained(() => create(name, options, environment)));
  withAuthorityOptions(overlay.command('update'))
    .option('--add-bootstrap <host:port>', 'IP address of a peer to join through (repeatable)', collect, [])
    .option('--remove-bootstrap <host:port>', 'no longer (repeatable)', collect, [])
    .option('--multicast <groups...>', 'IP addresses of groups (or broadcast) to find peers by; none: none')
    .option('--bad-node <id>', 'Node-ID that nobody may have (repeatable)', collect, [])
    .option('--json', 'print JSON')
    .description('sign a new configuration document')
    .action((options: UpdateOptions) => explained(() => update(options, environment)));
}

function create(name: string, options: CreateOptions, { stdout, stderr }: CliEnvironment): void {
  const overlay = name.toLowerCase();
  if (!isHostName(overlay)) wrong(`${JSON.stringify(name)} is no domain name; write it like example.org`);
  const { key: keyType } = options;
  if (keyType !== 'ec' && keyType !== 'rsa') wrong(`--key: ${JSON.stringify(keyType)} is neither ec nor rsa`);
  const wanted = readEnrollmentUrl(options.enrollment ?? `https://${overlay}/`);
  const path = resolve(options.dir);
  const bootstrapNodes = options.bootstrap.map(readBootstrap);
  const directory = AuthorityDirectory.create(authorityDeps, path, {
    name: overlay,
    keyType,
    enrollmentUrl: wanted,
    bootstrapNodes,
  });
  const document = directory.document();
  const url = enrollmentUrl(document, directory.server());
  const warning = sizeWarning(document);
  if (warning !== undefined) printLine(stderr, warning);
  if (options.json) {
    const { sequence } = document;
    printLine(stdout, JSON.stringify({ overlay, directory: path, enrollment: url, sequence }));
    return;
  }
  printLine(
    stdout,
    formatPairs([
      ['overlay', overlay],
      ['directory', path],
      [
        'document',
        `overlay.xml, sequence ${document.sequence}, signed by ${[...document.configurationSigners][0]}`,
      ],
      ['enrollment', url],
    ]),
  );
  printLine(
    stdout,
    `The root's key lies in ${path}/offline: move that directory off this machine now. Nothing reads it again.`,
  );
}

async function update(options: UpdateOptions, { stdout, stderr }: CliEnvironment): Promise<void> {
  const added = options.addBootstrap.map(readBootstrap);
  const removed = options.removeBootstrap.map(readBootstrap);
  const badNodes = options.badNode.map((id) => id.toLowerCase());
  const wrongId = badNodes.find((id) => !isNodeId(id));
  if (wrongId !== undefined) wrong(`--bad-node: ${JSON.stringify(wrongId)} is not 32 hex digits`);
  const multicast = options.multicast?.filter((text) => text !== 'none').map(readGroup);
  const { editor } = openAuthority(options);
  const document = await editor.update((current) => {
    if (badNodes.some((id) => current.configurationSigners.has(id))) {
      wrong('--bad-node: that Node-ID signs the configuration');
    }
    const groups = multicast && { multicastBootstrap: multicast };
    return { ...changesOf(current, { added, removed, badNodes }), ...groups };
  });
  if (options.json) printLine(stdout, JSON.stringify({ sequence: document.sequence }));
  else reportDocument(document, { stdout, stderr });
}

function changesOf(
  current: OverlayDocument,
  { added, removed, badNodes }: { added: Address[]; removed: Address[]; badNodes: string[] },
): DocumentChanges {
  const same = (a: Address) => (b: Address) => a.host === b.host && a.port === b.port;
  const kept = current.bootstrapNodes.filter((node) => !removed.some(same(node)));
  const isNew = (node: Address, i: number, all: Address[]) =>
    !kept.some(same(node)) && all.findIndex(same(node)) === i;
  return {
    bootstrapNodes: [...kept, ...added.filter(isNew)],
    badNodes: new Set([...current.badNodes, ...badNodes]),
  };
}

/** What every command says that has signed a document. */
export function reportDocument(
  document: OverlayDocument,
  { stdout, stderr }: Pick<CliEnvironment, 'stdout' | 'stderr'>,
): void {
  printLine(
    stdout,
    `configuration document ${document.sequence} signed; enrollment serve publishes it within 1 s`,
  );
  const warning = sizeWarning(document);
  if (warning !== undefined) printLine(stderr, warning);
}

function readEnrollmentUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
  if (url !== undefined && RESERVED_PATHS.has(url.pathname)) {
    wrong(`--enrollment: ${url.pathname} has a meaning of its own on that server; name another path`);
  }
  const isPlain = url !== undefined && url.hash === '' && url.search === '' && url.username === '';
  if (isPlain && url.protocol === 'https:' && (isIpLiteral(host) || isHostName(host))) return url.href;
  return wrong(
    `--enrollment: ${JSON.stringify(text)} will not do; write it like https://enroll.example.org:8443/`,
  );
}

function readBootstrap(text: string): Address {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1]?.replace(/^\[|\]$/g, '') ?? '';
  const port = Number(match?.[2] ?? DEFAULT_PORT);
  // RFC 6940 §11.1: "an IPv4 or IPv6 address".
  if (isIpLiteral(host) && port >= 1 && port <= 65_535) return { host, port };
  return wrong(
    `${JSON.stringify(text)} is no IP address with a port; write it like 192.0.2.7:${DEFAULT_PORT}`,
  );
}

function readGroup(text: string): Address {
  const address = readBootstrap(text);
  if (isMulticast(address.host) || isBroadcast(address.host)) return address;
  return wrong(`--multicast: ${JSON.stringify(text)} is no multicast group; write it like 239.255.42.1:6084`);
}

function collect(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}

function wrong(message: string): never {
  throw new CommandError('wrong-use', message);
}
