import { X509Certificate } from 'node:crypto';
import type { Address, Clock, Logger, Metrics, TlsIdentity } from '../../base/index.ts';
import { AdminServer, type AdminServerDeps } from '../admin/admin-server.ts';
import { ok, type Route } from '../admin/routes.ts';
import { enrollmentUrl } from './authority-directory.ts';
import type { PublishedDocument } from './published-document.ts';

export interface EnrollmentAdminDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics & AdminServerDeps['metrics'];
  /** What the server shows now. */
  readonly identity: () => TlsIdentity;
  readonly published: PublishedDocument;
}

/** What operators may ask of a running enrollment server: /status, /metrics, /healthz, /readyz. */
export function enrollmentAdmin(
  { clock, logger, metrics, identity, published }: EnrollmentAdminDeps,
  options: { readonly listen: Address; readonly token: string | undefined },
): AdminServer {
  const gauges = {
    sequence: metrics.gauge(
      'enrollment_document_sequence',
      'Sequence of the configuration document in force',
    ),
    bytes: metrics.gauge('enrollment_document_bytes', 'Size of the configuration document in force'),
    revoked: metrics.gauge('enrollment_revoked_users', 'Users that it revokes'),
    document: metrics.gauge('enrollment_document_expires_seconds', 'Until it expires'),
    server: metrics.gauge(
      'enrollment_server_certificate_expires_seconds',
      "Until the server's certificate expires",
    ),
  };
  const secondsTo = (time: number) => (time - clock.now()) / 1000;
  const measure = () => {
    const { sequence, source, revokedUsers, expiresAt = Infinity } = published.current;
    const { validTo } = new X509Certificate(identity().certificates[0]!);
    gauges.sequence.set(sequence);
    gauges.bytes.set(source?.bytes.length ?? 0);
    gauges.revoked.set(revokedUsers.size);
    gauges.document.set(secondsTo(expiresAt));
    gauges.server.set(secondsTo(Date.parse(validTo)));
  };
  const status = () => {
    const document = published.current;
    const { name: overlay, sequence, revokedUsers, badNodes, expiresAt } = document;
    return {
      overlay,
      sequence,
      enrollment: enrollmentUrl(document, identity()),
      expires: expiresAt === undefined ? undefined : new Date(expiresAt).toISOString(),
      revokedUsers: revokedUsers.size,
      badNodes: badNodes.size,
    };
  };
  const routes = new Map<string, Route>([
    ['status', { handle: () => ok(status()) }],
    ['healthz', { public: true, handle: () => ok({ healthy: true }) }],
    ['readyz', { public: true, handle: () => ok({ ready: true }) }],
  ]);
  const measured = {
    render: () => {
      measure();
      return metrics.render();
    },
  };
  return new AdminServer({ routes, metrics: measured, logger }, options);
}
