import { concatBytes, utf8 } from '../../base/index.ts';
import type { Signer } from '../security/signature.ts';
import type { KindDefinition } from '../wire/kind-table.ts';
import { signElement } from './document-signature.ts';
import type { DomainRestriction } from './domain-restriction.ts';
import { Kind, registeredKinds } from './kinds.ts';
import { BASE_NAMESPACE, CHORD_NAMESPACE, PRIVATE_NAMESPACE, SIP_NAMESPACE } from './namespaces.ts';
import type { OverlayDocument } from './overlay-document.ts';

export interface DocumentSigners {
  /** Signs the configuration; unsigned when left out. */
  readonly configuration?: Signer;
  /** Signs the kind-blocks; unsigned when left out. */
  readonly kinds?: Signer;
}

/** RFC 6940 §10.7.4 and §11.1: what need not be written. */
const DEFAULT_RELIABILITY_TIMER_MS = 3000;

/**
 * Writes a document with one configuration in the forms of the grammar (requirement T8). `kinds` are what it declares.
 * Namespaces are declared inside the signed elements, so that nobody can bind them to something else on the way.
 */
export function writeDocument(
  document: Omit<
    OverlayDocument,
    'overlayHash' | 'templateVersion' | 'kindBlocks' | 'unsupportedKinds' | 'source'
  >,
  signers: DocumentSigners = {},
): Uint8Array {
  const configuration = utf8(configurationElement(document, signers));
  const signature =
    signers.configuration === undefined
      ? ''
      : `\n<signature>${base64(signElement(configuration, signers.configuration))}</signature>`;
  return concatBytes(
    utf8(`<?xml version="1.0" encoding="UTF-8"?>\n<overlay xmlns="${BASE_NAMESPACE}">\n`),
    configuration,
    utf8(`${signature}\n</overlay>\n`),
  );
}

/** A kind-block on its own, for a ConfigUpdate. */
export function writeKindBlock(
  kind: KindDefinition,
  signer: Signer | undefined,
  restriction?: DomainRestriction,
): string {
  const name = registeredKinds.get(kind.id)?.name;
  const element = [
    `<kind ${name === undefined ? `id="${kind.id}"` : `name="${escaped(name)}"`}>`,
    text('max-count', kind.maxCount),
    text('max-size', kind.maxSize),
    ...(kind.maxNodeMultiple === undefined ? [] : [text('max-node-multiple', kind.maxNodeMultiple)]),
    text('data-model', kind.dataModel),
    text('access-control', kind.accessControl),
    ...(restriction === undefined ? [] : [domainRestriction(restriction)]),
    '</kind>',
  ].join('');
  const signature =
    signer === undefined
      ? ''
      : `<kind-signature>${base64(signElement(utf8(element), signer))}</kind-signature>`;
  return `<kind-block>${element}${signature}</kind-block>`;
}

function configurationElement(
  document: Parameters<typeof writeDocument>[0],
  { kinds: kindSigner }: DocumentSigners,
): string {
  const { name, sequence, expiresAt, chord, selfSignedPermitted, sharedSecret, reliabilityTimerMs } =
    document;
  const attributes = [
    `xmlns="${BASE_NAMESPACE}" xmlns:chord="${CHORD_NAMESPACE}" xmlns:gw="${PRIVATE_NAMESPACE}"`,
    `instance-name="${escaped(name)}"`,
    ...(expiresAt === undefined ? [] : [`expiration="${utc(expiresAt)}"`]),
    `sequence="${sequence}"`,
  ];
  const lines = [
    `<configuration ${attributes.join(' ')}>`,
    text('topology-plugin', document.topologyPlugin),
    text('node-id-length', document.nodeIdLength),
    ...document.rootCertificates.map((der) => text('root-cert', base64(der))),
    ...document.enrollmentServers.map((url) => text('enrollment-server', url)),
    ...(selfSignedPermitted === undefined
      ? []
      : [`<self-signed-permitted digest="${selfSignedPermitted.digest}">true</self-signed-permitted>`]),
    ...document.bootstrapNodes.map(
      ({ host, port }) => `<bootstrap-node address="${escaped(host)}" port="${port}"/>`,
    ),
    ...document.multicastBootstrap.map(
      ({ host, port }) => `<gw:multicast-bootstrap address="${escaped(host)}" port="${port}"/>`,
    ),
    text('turn-density', document.turnDensity),
    text('clients-permitted', document.clientsPermitted),
    text('no-ice', document.noIce),
    text('chord:chord-update-interval', chord.updateInterval),
    text('chord:chord-ping-interval', chord.pingInterval),
    text('chord:chord-reactive', chord.reactive),
    ...(sharedSecret === undefined ? [] : [text('shared-secret', sharedSecret)]),
    text('max-message-size', document.maxMessageSize),
    text('initial-ttl', document.initialTtl),
    // The grammar forgets it: those who hold to the letter would refuse the document.
    ...(reliabilityTimerMs === DEFAULT_RELIABILITY_TIMER_MS
      ? []
      : [text('overlay-reliability-timer', reliabilityTimerMs)]),
    ...document.linkProtocols.map((protocol) => text('overlay-link-protocol', protocol)),
    ...[...document.configurationSigners].map((nodeId) => text('configuration-signer', nodeId)),
    ...[...document.kindSigners].map((nodeId) => text('kind-signer', nodeId)),
    ...[...document.badNodes].map((nodeId) => text('bad-node', nodeId)),
    ...[...document.revokedUsers].map(
      ([user, since]) => `<gw:revoked-user since="${utc(since)}">${escaped(user)}</gw:revoked-user>`,
    ),
    ...document.mandatoryExtensions.map((namespace) => text('mandatory-extension', namespace)),
    '<required-kinds>',
    ...[...document.kinds.values()].map((kind) =>
      writeKindBlock(
        kind,
        kindSigner,
        kind.id === Kind.SIP_REGISTRATION ? document.domainRestriction : undefined,
      ),
    ),
    '</required-kinds>',
    '</configuration>',
  ];
  return lines.join('\n');
}

function domainRestriction({ enabled, patterns }: DomainRestriction): string {
  const inside = patterns.map((pattern) => text('pattern', pattern)).join('');
  return `<domain-restriction xmlns="${SIP_NAMESPACE}" enable="${enabled}">${inside}</domain-restriction>`;
}

function text(name: string, value: string | number | boolean): string {
  return `<${name}>${escaped(String(value))}</${name}>`;
}

function escaped(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function utc(ms: number): string {
  return new Date(ms).toISOString();
}
