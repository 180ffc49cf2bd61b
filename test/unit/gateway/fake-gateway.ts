import type { GatewayConfig } from '../../../src/gateway/config/gateway-config.ts';
import { formatReadyLine, type RunningGateway } from '../../../src/gateway/running-gateway.ts';
import { FakePeerAdmin } from './fake-peer-admin.ts';

/** A peer that stands and does nothing. */
export class FakeGateway implements RunningGateway {
  readonly readyLine: string;
  readonly nodeId: string;
  readonly overlayUris = ['tls://127.0.0.1:6084'];
  readonly sipUris: readonly string[];
  readonly adminUrl = 'http://127.0.0.1:8060';
  readonly admin = new FakePeerAdmin();
  readonly failed: Promise<Error>;
  stopped = 0;
  readonly config: GatewayConfig;
  #fail: (error: Error) => void = () => {};

  constructor(config: GatewayConfig, nodeId = '11'.repeat(16)) {
    this.config = config;
    this.nodeId = nodeId;
    this.admin.node = nodeId;
    this.sipUris = config.sip.listen.map(
      ({ transport }) => `sip:127.0.0.1:5060;transport=${transport.toLowerCase()}`,
    );
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    this.readyLine = formatReadyLine({
      nodeId,
      overlayName: config.overlay.name,
      sipUris: this.sipUris,
      adminUrl: this.adminUrl,
    });
  }

  fail(error: Error): void {
    this.#fail(error);
  }

  async stop(): Promise<void> {
    this.stopped += 1;
  }
}
