import { type Clock, errorMessage, type Logger, type Metrics } from '../../base/index.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import { configUpdate } from '../messages/config-update.ts';
import type { Destination } from '../messages/destination.ts';
import { ErrorCode, unknownKindsInfo } from '../messages/error-response.ts';
import { fetch } from '../messages/fetch.ts';
import { find } from '../messages/find.ts';
import { OptionFlag } from '../messages/forwarding-option.ts';
import type { Envelope } from '../messages/message.ts';
import type { Method } from '../messages/method.ts';
import { messageName } from '../messages/methods.ts';
import { ping } from '../messages/ping.ts';
import { probe } from '../messages/probe.ts';
import { stat } from '../messages/stat.ts';
import type { SignedBy } from '../security/signature.ts';
import { decodeWhole, encodeWhole } from '../wire/codec.ts';
import { DecodeError, UnknownKindsError } from '../wire/decode-error.ts';
import type { NodeId } from '../wire/ids.ts';
import { ANY_SEQUENCE, compareSequence } from './configuration-sequence.ts';
import { DuplicateCache } from './duplicate-cache.ts';
import type { ForwardingMetrics } from './forwarding-metrics.ts';
import { InboundRequest, type RequestContext } from './inbound-request.ts';
import { RequestRefusal } from './reload-error.ts';

export type RequestHandler<Request, Response> = (
  request: Request,
  context: RequestContext<Response>,
) => void | Promise<void>;
