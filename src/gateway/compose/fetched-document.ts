import {
  type Clock,
  CodedError,
  equalBytes,
  errorMessage,
  type HttpClient,
  type KeyValueStore,
  type Logger,
  type Random,
} from '../../base/index.ts';
import { DocumentError } from '../../reload/document/document-error.ts';
import type { OverlayDocument } from '../../reload/document/overlay-document.ts';
import { ConfigurationFetcher } from '../../reload/enrollment/configuration-fetcher.ts';
import { OverlayServers, type SrvLookup } from '../../reload/enrollment/overlay-servers.ts';
import { saveConfiguration, savedDocument } from '../../reload/node/configuration-saved.ts';
import { readNextDocument } from '../../reload/node/next-document-reader.ts';
import { ConfigError } from '../config/config-error.ts';
import type { ConfigurationServer, GatewayConfig } from '../config/gateway-config.ts';
import { firstDocument, requireRoom, requireUsable } from './configuration-document.ts';

/**
 * The document that the server hands out now, checked as the first one of a peer.
 * @throws ConfigError, CodedError<ConfigurationErrorCode>
 */
export async function fetchDocument(
  config: Pick<GatewayConfig, 'file' | 'overlay'>,
  server: ConfigurationServer,
  deps: {
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
    readonly http: HttpClient;
    readonly dns: SrvLookup;
  },
): Promise<OverlayDocument> {
  const { name: overlay, serverAuthorities: ca } = config.overlay;
  const servers = new OverlayServers(deps, { overlay, url: server.url, ca });
  const { bytes } = await new ConfigurationFetcher({ ...deps, servers }).fetch();
  const document = firstDocument(config.file, { ...server, bytes }, overlay, deps);
  requireRoom(document, config);
  return document;
}

/** A peer that has a document waits no longer for a newer one when it starts, ms. */
const PATIENCE_MS = 4_000;

interface FetchedDocumentDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly kv: KeyValueStore;
  readonly fetcher: ConfigurationFetcher;
  readonly signal: AbortSignal | undefined;
}

/** The document to begin with, and whether the server handed it out a moment ago. */
export interface OpenedDocument {
  readonly document: OverlayDocument;
  readonly isFresh: boolean;
}

/**
 * RFC 6940 §11.2: a peer that starts fetches the document. One that had one before takes only what a signer of that one has
 * signed (§11.1), and goes on with it when there is nothing better: the server may be down, or broken into.
 * @throws ConfigError; CodedError<ConfigurationErrorCode> when there is neither
 */
export async function openFetchedDocument(
  config: Pick<GatewayConfig, 'file' | 'overlay'>,
  server: ConfigurationServer,
  deps: FetchedDocumentDeps,
): Promise<OpenedDocument> {
  const saved = savedDocument(deps, config.overlay.name);
  if (saved === undefined) {
    const { bytes } = await deps.fetcher.fetch(deps.signal);
    const document = firstDocument(config.file, { ...server, bytes }, config.overlay.name, deps);
    requireRoom(document, config);
    await saveConfiguration(deps, document);
    return { document, isFresh: true };
  }
  const newer = await newerThan(saved, config, server, deps);
  requireUsable(newer ?? saved, config, deps);
  return { document: newer ?? saved, isFresh: newer !== undefined };
}

/** Undefined when the saved one is to be used, whatever the reason, which is logged. */
async function newerThan(
  saved: OverlayDocument,
  config: Pick<GatewayConfig, 'file' | 'overlay'>,
  { shown }: ConfigurationServer,
  deps: FetchedDocumentDeps,
): Promise<OverlayDocument | undefined> {
  const { clock, logger, fetcher, signal } = deps;
  const patience = new AbortController();
  const timer = clock.setTimer(PATIENCE_MS, () =>
    patience.abort(new CodedError('configuration-unreachable', `${shown} does not answer`)),
  );
  const signals = signal === undefined ? [patience.signal] : [patience.signal, signal];
  try {
    const { bytes } = await fetcher.fetch(AbortSignal.any(signals));
    if (equalBytes(saved.source?.bytes ?? new Uint8Array(0), bytes)) return saved;
    const { document } = readNextDocument({ clock }, bytes, saved);
    requireUsable(document, config, deps);
    await saveConfiguration(deps, document);
    return document;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ConfigError) throw error;
    const isForged = error instanceof DocumentError && error.code === 'document-forged';
    logger.warn('no newer document is at hand: this peer begins with the one it has', {
      sequence: saved.sequence,
      reason: errorMessage(error),
      ...(isForged && { mend: 'if the overlay was made anew, give this peer an empty data directory' }),
    });
    return undefined;
  } finally {
    timer.close();
  }
}
