import { type Address, errorMessage, isBroadcast, isMulticast } from '../../base/index.ts';
import { ID_LENGTH, type NodeId, overlayHashOf } from '../wire/ids.ts';
import { DocumentError } from './document-error.ts';
import { type DomainRestriction, domainRule, restrictKinds } from './domain-restriction.ts';
import { type RequiredKinds, readKindBlocks } from './kind-reader.ts';
import { builtInKinds } from './kinds.ts';
import { BASE_NAMESPACE, CHORD_NAMESPACE, PRIVATE_NAMESPACE, SIP_NAMESPACE } from './namespaces.ts';
import type { ChordParameters, OverlayDocument } from './overlay-document.ts';
import { invalid, readBase64, readBoolean, readInteger, readNodeId, readTime, shown } from './values.ts';
import { parseXml, type XmlNode } from './xml-tree.ts';

/** Entries one element may be repeated to. */
const MAX_REPEATED = 4_096;

/** RFC 6940 §6.3.2: an overlay name is a domain name. */
const OVERLAY_NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/**
 * Reads the configuration of one overlay from a document (RFC 6940 §11.1). Signatures are not checked, nor whether we
 * can do what it demands: `verifyFirstDocument`, `verifyNextDocument` and `requireSupported` do.
 * @param overlay instance-name of the configuration wanted, since a document may hold several; the only one by default
 * @throws DocumentError 'document-malformed' | 'document-invalid' | 'document-foreign'
 */
export function readDocument(bytes: Uint8Array, overlay?: string): OverlayDocument {
  // The bytes may be a view of a message that must not live on with the document.
  const own = new Uint8Array(bytes);
  const root = parseXml(own);
  if (root.name !== 'overlay') invalid(`its root element is ${shown(root.name)}`);
  const index = indexOfConfiguration(root, overlay);
  const configuration = root.children[index]!;
  requireOwnNamespaces(configuration);
  // "Each configuration element MAY be followed by signature elements".
  const following = root.children.slice(index + 1);
  const end = following.findIndex(({ name }) => name !== 'signature');
  const signatures = following.slice(0, end === -1 ? undefined : end);
  return {
    ...readConfiguration(new Elements(configuration)),
    source: {
      bytes: own,
      configuration: configuration.bytes,
      signatures: signatures.map(({ text }) => readBase64(text)),
    },
  };
}

function indexOfConfiguration(root: XmlNode, overlay: string | undefined): number {
  const names = root.children.map(({ name, attributes }) =>
    name === 'configuration' ? attributes.get('instance-name')?.toLowerCase() : undefined,
  );
  const wanted = overlay?.toLowerCase() ?? names.find((name) => name !== undefined);
  const matching = names.filter((name) => name === wanted);
  if (matching.length > 1) invalid(`it has two configurations of ${shown(wanted ?? '')}`);
  if (matching.length === 0) {
    const known = names.filter((name) => name !== undefined).map(shown);
    throw new DocumentError(
      'document-foreign',
      `it has no configuration of ${shown(wanted ?? '')}, but of ${known.join(', ')}`,
    );
  }
  return names.indexOf(wanted);
}

const NAMESPACES_OF_NAMES: ReadonlyMap<string, string> = new Map([
  ['chord-update-interval', CHORD_NAMESPACE],
  ['chord-ping-interval', CHORD_NAMESPACE],
  ['chord-reactive', CHORD_NAMESPACE],
  ['domain-restriction', SIP_NAMESPACE],
  ['domain-restrictions', SIP_NAMESPACE],
  ['revoked-user', PRIVATE_NAMESPACE],
  ['multicast-bootstrap', PRIVATE_NAMESPACE],
]);

/**
 * Prefixes may be declared outside the signed bytes, where whoever passes a document on could bind them to something
 * else: our extensions would turn into foreign elements that nobody heeds. So their names must not be foreign.
 */
function requireOwnNamespaces({ name, namespace, children }: XmlNode): void {
  const expected = NAMESPACES_OF_NAMES.get(name);
  if (expected !== undefined && expected !== namespace)
    invalid(`${name} is not in its namespace ${expected}`);
  for (const child of children) requireOwnNamespaces(child);
}

/** The children of a configuration by name. */
class Elements {
  readonly root: XmlNode;
  readonly #byName = new Map<string, XmlNode[]>();

  constructor(root: XmlNode) {
    this.root = root;
    for (const child of root.children) {
      // Foreign elements may have any name.
      if (![BASE_NAMESPACE, CHORD_NAMESPACE, SIP_NAMESPACE, PRIVATE_NAMESPACE].includes(child.namespace))
        continue;
      const known = this.#byName.get(child.name);
      if (known === undefined) this.#byName.set(child.name, [child]);
      else if (known.push(child) > MAX_REPEATED) invalid(`more than ${MAX_REPEATED} elements ${child.name}`);
    }
  }

  all(name: string): readonly XmlNode[] {
    return this.#byName.get(name) ?? [];
  }

  one(...names: readonly string[]): XmlNode | undefined {
    return names.flatMap((name) => this.all(name))[0];
  }

  texts(name: string): readonly string[] {
    return this.all(name).map(({ text }) => text);
  }

  boolean(name: string, otherwise: boolean): boolean {
    const element = this.one(name);
    return element === undefined ? otherwise : readBoolean(element.text);
  }

  integer(name: string, otherwise: number, [min, max]: readonly [number, number]): number {
    const element = this.one(name);
    return element === undefined ? otherwise : readInteger(element.text, name, min, max);
  }
}

const NO_KINDS: RequiredKinds = { blocks: new Map(), unsupported: [] };

function readConfiguration(elements: Elements): OverlayDocument {
  const { attributes } = elements.root;
  const name = attributes.get('instance-name') ?? '';
  if (name.length > 253 || !OVERLAY_NAME.test(name))
    invalid(`instance-name ${shown(name)} is no domain name`);
  const expiration = attributes.get('expiration');
  const nodeIdLength = elements.integer('node-id-length', ID_LENGTH, [16, 20]);
  const nodeIds = (child: string): ReadonlySet<NodeId> =>
    new Set(elements.texts(child).map((text) => readNodeId(text, child, nodeIdLength)));
  const requiredKinds = elements.one('required-kinds');
  const { blocks: kindBlocks, unsupported: unsupportedKinds } =
    requiredKinds === undefined ? NO_KINDS : readKindBlocks(requiredKinds);
  const domainRestriction = readDomainRestriction(elements, requiredKinds);
  const protocols = elements.texts('overlay-link-protocol');
  return {
    name,
    overlayHash: overlayHashOf(name),
    sequence: readInteger(attributes.get('sequence') ?? '0', 'sequence', 0, 65_534),
    templateVersion: undefined,
    expiresAt: expiration === undefined ? undefined : readTime(expiration, 'expiration'),
    topologyPlugin: elements.one('topology-plugin', 'topology-plug-in')?.text ?? 'CHORD-RELOAD',
    nodeIdLength,
    selfSignedPermitted: readSelfSigned(elements),
    rootCertificates: elements.texts('root-cert').map(readBase64),
    noIce: elements.boolean('no-ice', false),
    linkProtocols: protocols.length === 0 ? ['TLS'] : protocols,
    enrollmentServers: elements.texts('enrollment-server').map(readHttpsUrl),
    bootstrapNodes: elements.all('bootstrap-node').map(readBootstrapNode),
    multicastBootstrap: elements.all('multicast-bootstrap').map(readMulticastBootstrap),
    sharedSecret: elements.one('shared-secret')?.text,
    mandatoryExtensions: elements.texts('mandatory-extension'),
    clientsPermitted: elements.boolean('clients-permitted', true),
    turnDensity: elements.integer('turn-density', 1, [0, 255]),
    initialTtl: elements.integer('initial-ttl', 100, [1, 100]),
    // "The value MUST be at least 200 milliseconds".
    reliabilityTimerMs: elements.integer('overlay-reliability-timer', 3000, [200, 60_000]),
    maxMessageSize: elements.integer('max-message-size', 5000, [1_280, 2 ** 24 - 1]),
    chord: readChord(elements),
    kinds: restrictKinds(
      new Map([...builtInKinds, ...[...kindBlocks].map(([id, { kind }]) => [id, kind] as const)]),
      readDomainRule(name, domainRestriction),
    ),
    kindBlocks,
    unsupportedKinds,
    kindSigners: nodeIds('kind-signer'),
    configurationSigners: nodeIds('configuration-signer'),
    badNodes: nodeIds('bad-node'),
    revokedUsers: readRevokedUsers(elements),
    domainRestriction,
    source: undefined,
  };
}

function readSelfSigned(elements: Elements): OverlayDocument['selfSignedPermitted'] {
  const element = elements.one('self-signed-permitted');
  if (element === undefined || !readBoolean(element.text)) return undefined;
  const digest = element.attributes.get('digest');
  // "Valid values for this parameter are "sha1" and "sha256"".
  if (digest !== 'sha1' && digest !== 'sha256')
    invalid(`self-signed-permitted has digest ${shown(digest ?? '')}`);
  return { digest };
}

/** The defaults are those of §10.7.4 for overlays without the elements; seconds. */
function readChord(elements: Elements): ChordParameters {
  return {
    updateInterval: elements.integer('chord-update-interval', 600, [1, 86_400]),
    pingInterval: elements.integer('chord-ping-interval', 3600, [1, 86_400]),
    reactive: elements.boolean('chord-reactive', true),
  };
}

function readBootstrapNode(node: XmlNode): Address {
  return readAddress(node, 'bootstrap-node');
}

/** A multicast group, or an IPv4 broadcast address. */
function readMulticastBootstrap(node: XmlNode): Address {
  const address = readAddress(node, 'multicast-bootstrap');
  if (!isMulticast(address.host) && !isBroadcast(address.host)) {
    invalid(`multicast-bootstrap has the address ${shown(address.host)}, which is no multicast group`);
  }
  return address;
}

function readAddress({ attributes }: XmlNode, name: string): Address {
  const host = attributes.get('address') ?? '';
  if (!/^[0-9a-f.:]{2,45}$/i.test(host)) invalid(`${name} has the address ${shown(host)}`);
  return { host, port: readInteger(attributes.get('port') ?? '6084', `port of ${name}`, 1, 65_535) };
}

/** "This URL MUST be of type "https:"." */
function readHttpsUrl(text: string): string {
  if (!URL.canParse(text) || new URL(text).protocol !== 'https:') {
    invalid(`enrollment-server is ${shown(text)}, not an https URL`);
  }
  return text;
}

/** Of several times for one user the latest counts. */
function readRevokedUsers(elements: Elements): ReadonlyMap<string, number> {
  const users = new Map<string, number>();
  for (const { text, attributes } of elements.all('revoked-user')) {
    const since = readTime(attributes.get('since') ?? '', 'since of revoked-user');
    users.set(text, Math.max(since, users.get(text) ?? since));
  }
  return users;
}

function readDomainRule(
  overlay: string,
  restriction: DomainRestriction | undefined,
): ReturnType<typeof domainRule> {
  try {
    return domainRule(overlay, restriction);
  } catch (error) {
    return invalid(`domain-restriction: ${errorMessage(error)}`);
  }
}

/** Requirement T8: RFC 7904's text has it in the configuration, its grammar in the kind. */
function readDomainRestriction(
  elements: Elements,
  requiredKinds: XmlNode | undefined,
): DomainRestriction | undefined {
  const kinds = requiredKinds?.children.flatMap(({ children }) => children) ?? [];
  const inKinds = kinds
    .flatMap(({ children }) => children)
    .filter(({ namespace }) => namespace === SIP_NAMESPACE);
  const element = elements.one('domain-restriction', 'domain-restrictions') ?? inKinds[0];
  if (element === undefined) return undefined;
  return {
    enabled: readBoolean(element.attributes.get('enable') ?? 'false'),
    patterns: element.children.map(({ text }) => text),
  };
}
