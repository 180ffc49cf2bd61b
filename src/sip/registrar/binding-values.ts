import type { Address } from '../../base/index.ts';
import { detach } from '../message/detach.ts';
import type { Params } from '../message/params.ts';

/** Contact parameters that are ours to say: the lifetime, and GRUUs, which no phone can propose (RFC 5627 §5.1). */
const NOT_KEPT = ['expires', 'pub-gruu', 'temp-gruu'];

/** The parameters of a Contact that belong to the binding, as they were sent. */
export function formatKept(params: Params): string {
  return params.size === 0 ? '' : params.without(NOT_KEPT).toString();
}

/**
 * A text for a new binding: that of the binding it refreshes where nothing changed, which is nearly always so. Fresh
 * copies of old texts would be most of what a refresh leaves to the garbage collector.
 */
export function own(text: string, known: string | undefined): string {
  return text === known ? known : detach(text);
}

/** The same for an address. */
export function ownAddress(address: Address, known: Address | undefined): Address {
  return known?.host === address.host && known.port === address.port ? known : address;
}

/** RFC 3261 §20.10: absent means 1; what is malformed is taken as absent. */
export function parseQ(text: string | undefined): number {
  return text !== undefined && /^(0(\.[0-9]{0,3})?|1(\.0{0,3})?)$/.test(text) ? Number(text) : 1;
}
