import { Params } from '../message/params.ts';
import { phoneNumberOf } from '../message/phone-number.ts';
import type { SipRequest } from '../message/request.ts';
import { isEmergencyUrn } from '../message/service-urn.ts';
import { SipUri } from '../message/uri.ts';
import type { OwnAddresses } from './own-addresses.ts';

export interface TargetOptions {
  /** What is dialled for help in an emergency. */
  readonly emergencyNumber?: string | undefined;
}

/**
 * An own address in the Request-URI stands for the first domain. A telephone number is one's of ours or a trunk's:
 * it becomes a user of that domain, without visual separators (RFC 3261 §19.1.6, RFC 3966 §5.1.1), and so does whatever asks for help (RFC 5031).
 */
export function canonicaliseTarget(
  request: SipRequest,
  own: OwnAddresses,
  { emergencyNumber }: TargetOptions = {},
): void {
  const { uri } = request;
  const number = isEmergencyUrn(uri) ? emergencyNumber : dialledNumber(uri);
  if (number !== undefined && (!uri.isSip || own.isOwn(uri.host, uri.port))) {
    const scheme = uri.isSip ? uri.scheme : 'sip';
    const host = own.domainOf(uri.host, uri.port) ?? own.firstDomain;
    request.setRequestUri(new SipUri({ scheme, user: number, host, params: new Params(['user', 'phone']) }));
    return;
  }
  if (!uri.isSip || own.isDomain(uri.host)) return;
  const domain = own.domainOf(uri.host, uri.port);
  if (domain !== undefined) request.setRequestUri(uri.with({ host: domain, port: undefined }));
}

function dialledNumber(uri: SipUri): string | undefined {
  const isPhone = uri.scheme === 'tel' || (uri.isSip && uri.params.get('user') === 'phone');
  return isPhone ? phoneNumberOf(uri) : undefined;
}
