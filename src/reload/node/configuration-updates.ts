import { type Clock, type Counter, type Logger, type Metrics, TokenBuckets } from '../../base/index.ts';
import { DocumentError, type DocumentErrorCode } from '../document/document-error.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { RequestRefusal } from '../forwarding/reload-error.ts';
import { configUpdate } from '../messages/config-update.ts';
import { ErrorCode } from '../messages/error-response.ts';
import type { ConfigurationKeeper } from './configuration-keeper.ts';

/** Documents one node may have us look at. */
const RATE = { perSecond: 0.2, burst: 10 };

const WIRE_CODES: Readonly<Record<DocumentErrorCode, number>> = {
  'document-malformed': ErrorCode.Invalid_Message,
  'document-invalid': ErrorCode.Invalid_Message,
  'document-foreign': ErrorCode.Incompatible_with_Overlay,
  'document-unsupported': ErrorCode.Incompatible_with_Overlay,
  'document-expired': ErrorCode.Config_Too_Old,
  'document-old': ErrorCode.Config_Too_Old,
  'document-unsigned': ErrorCode.Forbidden,
  'document-forged': ErrorCode.Forbidden,
};

/** ConfigUpdate requests of others (RFC 6940 §6.5.4): "appropriate errors MUST be generated" for what is not taken. */
export function serveConfigUpdates(deps: {
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  forwarding: ForwardingLayer;
  keeper: ConfigurationKeeper;
}): void {
  const { clock, logger, metrics, forwarding, keeper } = deps;
  const count = (result: string): Counter =>
    metrics.counter('reload_config_updates_total', 'ConfigUpdates received, by what became of them', {
      result,
    });
  const accepted = count('accepted');
  const limited = count('rate-limited');
  // So that each is there from the beginning, with 0.
  for (const code of Object.keys(WIRE_CODES)) count(code);
  const buckets = new TokenBuckets(RATE);

  forwarding.handle(configUpdate, async (request, context) => {
    const from = context.signer.nodeId;
    if (!buckets.take(from, 1, clock.monotonic())) {
      limited.inc();
      throw new RequestRefusal(ErrorCode.Forbidden, 'too many ConfigUpdates');
    }
    try {
      switch (request.type) {
        case 'config':
          await keeper.takeDocument(request.configData);
          break;
        case 'kind':
          await keeper.takeKinds(request.kinds);
          break;
        default:
          throw new RequestRefusal(ErrorCode.Invalid_Message, 'an unknown type of ConfigUpdate');
      }
      accepted.inc();
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error;
      count(error.code).inc();
      // That several nodes send the same document at once is how it spreads.
      const level = error.code === 'document-old' ? 'debug' : 'warn';
      logger[level]('a ConfigUpdate was not taken', { from, code: error.code, error: error.message });
      throw new RequestRefusal(WIRE_CODES[error.code], error.message);
    }
    context.respond({});
  });
}
