import { type Clock, isLoopback, type Metrics, type Network, type Random } from '../base/index.ts';
import { HttpsClient, SystemDns, SystemNetwork, systemClock, systemRandom } from '../net/index.ts';
import { LocationService } from '../p2psip/location-service.ts';
import { ReloadOverlay } from '../p2psip/reload-overlay.ts';
import { trustOfDocument } from '../reload/document/document-trust.ts';
import type { OverlayDocument } from '../reload/document/overlay-document.ts';
import { ReloadNode } from '../reload/node/reload-node.ts';
import type { Admission } from '../reload/security/trust-policy.ts';
import type { CallRecord } from '../sip/proxy/call-log.ts';
import { AdminServer, type AdminTls } from './admin/admin-server.ts';
import { LiveFeed } from './admin/live-feed.ts';
import { phoneSettings } from './admin/phone-settings.ts';
import { peerRoutes } from './admin/routes.ts';
import { WebConsole } from './admin/web-console.ts';
import { WebFiles } from './admin/web-files.ts';
import { AccountingFile } from './compose/accounting-file.ts';
import { watchAdmittedDomains } from './compose/admitted-domains.ts';
import { openEnrolledUsers } from './compose/enrolled-users.ts';
import { openLocalDiscovery } from './compose/local-discovery.ts';
import { openMedia } from './compose/media.ts';
import { openMembership } from './compose/membership.ts';
import { PeerView } from './compose/peer-view.ts';
import { SipSide } from './compose/sip-side.ts';
import { openTrace } from './compose/trace.ts';
import type { GatewayConfig, OverlayConfig } from './config/gateway-config.ts';
import { packageVersion } from './package-version.ts';
import { openDataDirectory } from './persistence/data-directory.ts';
import { Reloading } from './reloading.ts';
import {
  type ComposeGateway,
  formatReadyLine,
  type GatewayDeps,
  type RunningGateway,
} from './running-gateway.ts';

/** The machine under all parts. */
interface Machine {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
}

const TOKEN_KEY_BYTES = 16;

/** Builds one peer from its configuration and starts it; closes everything again when it cannot stand. */
export const composeGateway: ComposeGateway = async (config, deps) => {
  const machine = { clock: systemClock, random: systemRandom, network: new SystemNetwork() };
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) {
      await close().catch((error) => deps.logger.warn('closing failed', { error: String(error) }));
    }
  };
  try {
    return await build(config, deps, machine, closers, stop);
  } catch (error) {
    await stop();
    throw error;
  }
};

async function build(
  config: GatewayConfig,
  { logger, logTail, metrics, signal, reloading }: GatewayDeps,
  machine: Machine,
  closers: (() => Promise<void>)[],
  stop: () => Promise<void>,
): Promise<RunningGateway> {
  const data = await openDataDirectory(config.data, {
    durability: config.durability,
    onMovedAside: (report) => logger.error(report),
  });
  closers.push(() => data.close());
  const http = new HttpsClient();
  closers.push(async () => http.close());
  const dns = new SystemDns({ ...machine, metrics });
  const membership = await openMembership(config, { ...machine, logger, metrics, data, http, dns, signal });
  closers.push(async () => membership.stop());
  const { document, identity, ownRegistrations } = membership;
  const { hub: trace, calls } = openTrace(config, { clock: machine.clock, logger, metrics }, closers);

  const around = { nodeId: identity.nodeId, document: () => node.document };
  const discovery = openLocalDiscovery(config, { ...machine, logger, metrics }, around);
  const hooks = { ...(trace && { trace: trace.reload }), ...(discovery && { discovery }) };
  const node: ReloadNode = new ReloadNode(
    { ...machine, kv: data.store, logger, metrics, ...hooks },
    {
      document,
      identity,
      trust: (current) => trustOfDocument(machine, current, admissionOf(config.overlay, current)),
      listen: config.overlay.listen,
      advertise: config.overlay.advertise,
      bootstrap: config.overlay.bootstrap,
      first: config.overlay.first,
      role: config.overlay.role,
      sipLinkPort: config.overlay.sipLinkPort,
      ...(config.overlay.sharedSecret && { sharedSecret: config.overlay.sharedSecret }),
    },
  );
  closers.push(() => node.stop());
  showReadiness(node, metrics);
  const enrollment =
    ownRegistrations === undefined
      ? openEnrolledUsers({
          ...{ ...machine, logger, metrics, store: data.store, http, identity, node },
          serversOf: (elements) => membership.servers.enrollment(elements),
        })
      : undefined;
  if (enrollment !== undefined) closers.push(async () => enrollment.stop());
  const registrations = ownRegistrations ?? enrollment!.judge;
  const overlay = new ReloadOverlay({ node, identity, registrations, logger }, { name: config.overlay.name });
  const { domains } = config.sip;
  watchAdmittedDomains({ logger, node }, config.sip.mode === 'off' ? [] : domains);
  const locations = new LocationService({
    ...{ overlay, metrics, clock: machine.clock },
    isOverlayDomain: (domain) => domains.includes(domain),
  });
  closers.push(async () => locations.stop());

  const accounting =
    config.accounting === undefined ? undefined : new AccountingFile({ logger, metrics }, config.accounting);
  if (accounting !== undefined) closers.push(() => accounting.close());
  const writeCall = accounting && ((record: CallRecord) => accounting.write(record));
  const tokenKey = data.secret('flow-token', () => machine.random.bytes(TOKEN_KEY_BYTES));
  const media = await openMedia(config, { ...machine, logger, metrics }, identity.nodeId, closers);
  const sip =
    config.sip.mode === 'off'
      ? undefined
      : new SipSide(config, {
          ...{
            ...machine,
            logger,
            metrics,
            store: data.store,
            overlay,
            locations,
            tokenKey,
            enrollment,
            writeCall,
            media,
            trace: trace?.sip,
          },
        });
  // Phones are served before the overlay is joined: calls within this peer need nobody else.
  await sip?.start();
  if (sip !== undefined) closers.push(() => sip.stop());
  const reload =
    reloading &&
    new Reloading(
      {
        logger,
        load: () => reloading.load(),
        apply: (next) => {
          reloading.setLogLevel(next.log.level);
          sip?.apply(next);
          accounting?.reopen();
        },
      },
      config,
    );
  const admin = new PeerView({ clock: machine.clock, node, identity, locations, calls, sip, reload }, config);
  const aboutPhones = { domain: domains[0] ?? config.overlay.name, hasRelay: config.media !== undefined };
  const phone = () => phoneSettings(sip?.uris ?? [], aboutPhones);
  const adminUrl = await startAdmin(
    config,
    {
      ...{ routes: peerRoutes(admin), metrics, logger },
      console: new WebConsole({
        phone,
        files: new WebFiles({ connectTo: () => phone().webSockets }),
        feed: new LiveFeed({ clock: machine.clock, admin, metrics, logger, log: logTail }),
      }),
    },
    closers,
    sip?.certificates,
  );

  membership.follow(node);
  await node.start(signal);
  sip?.publish();
  onRejoin(node, () => sip?.republish());
  const sipUris = sip?.uris ?? [];
  return {
    readyLine: formatReadyLine({ nodeId: node.nodeId, overlayName: document.name, sipUris, adminUrl }),
    nodeId: node.nodeId,
    overlayUris: admin.status().overlayListen,
    sipUris,
    ...(adminUrl !== undefined && { adminUrl }),
    admin,
    failed: node.failed,
    stop,
  };
}

/** What /readyz says, and which version this is, for those who only read metrics. */
function showReadiness(node: ReloadNode, metrics: Metrics): void {
  const ready = metrics.gauge(
    'p2psip_ready',
    '1 while this peer is joined, 0 while joining, isolated or leaving',
  );
  node.changed.on(() => ready.set(node.state === 'joined' ? 1 : 0));
  metrics
    .gauge('p2psip_build_info', 'Always 1; the version is its label', { version: packageVersion() })
    .set(1);
}

/** Calls back whenever the node, once joined, is part of the overlay again after it was not. */
function onRejoin(node: ReloadNode, callback: () => void): void {
  let wasJoined = true;
  node.changed.on(() => {
    const isJoined = node.state === 'joined';
    if (isJoined && !wasJoined) callback();
    wasJoined = isJoined;
  });
}

/** Architecture, "a self-signed overlay that listens beyond loopback"; the configuration was checked for it. */
function admissionOf({ allow, listen, sharedSecret }: OverlayConfig, document: OverlayDocument): Admission {
  if (allow !== undefined) return { kind: 'allow', nodeIds: new Set(allow) };
  if ((sharedSecret ?? document.sharedSecret) !== undefined) return { kind: 'shared-secret' };
  return listen.every(({ host }) => isLoopback(host)) ? { kind: 'loopback' } : { kind: 'open' };
}

/** The configuration was checked for it: https is never served as http. */
function tlsOf(certificates: SipSide['certificates'] | undefined): AdminTls {
  if (certificates?.options === undefined) throw new TypeError('https without a certificate');
  return { options: certificates.options, changed: certificates.changed };
}

async function startAdmin(
  config: GatewayConfig,
  deps: ConstructorParameters<typeof AdminServer>[0],
  closers: (() => Promise<void>)[],
  certificates: SipSide['certificates'] | undefined,
): Promise<string | undefined> {
  if (config.admin === undefined) return undefined;
  const { listen, token, isSecure } = config.admin;
  const server = new AdminServer(deps, { listen, token, tls: isSecure ? tlsOf(certificates) : undefined });
  const url = await server.start();
  closers.push(() => server.stop());
  return url;
}
