import { parseParams } from '../message/params.ts';
import { unquote } from '../message/text.ts';
import type { Binding } from './binding.ts';
import { publicGruu } from './public-gruu.ts';

/** What last happened to a contact (RFC 3680 §4.7.1). */
export type ContactEvent = 'registered' | 'refreshed' | 'expired' | 'unregistered' | 'rejected';

/** A contact as a subscriber knows it. */
export interface ReportedContact {
  /** The same as long as the contact lives. */
  readonly id: string;
  readonly binding: Binding;
  readonly event: ContactEvent;
}

export const REGINFO_TYPE = 'application/reginfo+xml';

/**
 * A registration information document with the whole state of one AoR (RFC 3680 §5).
 * @param report.contacts those bound now, and those that have gone since the last document
 */
export function formatReginfo(report: {
  readonly aorUri: string;
  /** 0, 1, … within one subscription. */
  readonly version: number;
  readonly contacts: readonly ReportedContact[];
  /** Wall clock, ms. */
  readonly now: number;
}): Uint8Array {
  const { aorUri, version, contacts, now } = report;
  const isActive = contacts.some(({ event }) => isBound(event));
  // RFC 3680 §4.7.1: `terminated` as the last contact goes, `init` when there was none.
  const state = isActive ? 'active' : contacts.length > 0 ? 'terminated' : 'init';
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" xmlns:gr="urn:ietf:params:xml:ns:gruuinfo"`,
    ` version="${version}" state="full">`,
    `<registration aor="${escapeXml(aorUri)}" id="a1" state="${state}">`,
    ...contacts.map((contact) => formatContact(contact, now)),
    '</registration>',
    '</reginfo>',
    '',
  ];
  // Header text is binary text: its octets are UTF-8 already.
  return Buffer.from(lines.join('\n'), 'latin1');
}

function formatContact({ id, binding, event }: ReportedContact, now: number): string {
  const { contact, q, callId, cseq, params, expiresAt } = binding;
  const state = isBound(event) ? 'active' : 'terminated';
  const seconds = Math.max(Math.ceil((expiresAt - now) / 1000), 0);
  const expires = isBound(event) ? ` expires="${seconds}"` : '';
  const features = [...parseParams(params, 0)]
    .filter(([name]) => name !== 'q')
    .map(([name, value]) => {
      const text = value === true ? '' : escapeXml(unquote(value));
      return `<unknown-param name="${escapeXml(name)}">${text}</unknown-param>`;
    });
  return [
    `<contact id="${id}" state="${state}" event="${event}"${expires} q="${q}"`,
    ` callid="${escapeXml(callId)}" cseq="${cseq}">`,
    `<uri>${escapeXml(contact)}</uri>${features.join('')}${formatGruu(binding)}</contact>`,
  ].join('');
}

/**
 * RFC 5628.
 * NOTE: Of temporary GRUUs it wants the CSeq of the first REGISTER of their series, which is not kept; that a series has
 * ended shows in the contact's Call-ID and events.
 */
function formatGruu(binding: Binding): string {
  const gruu = binding.gruuSeries === undefined ? undefined : publicGruu(binding);
  return gruu === undefined ? '' : `<gr:pub-gruu uri="${escapeXml(gruu.toString())}"/>`;
}

function isBound(event: ContactEvent): boolean {
  return event === 'registered' || event === 'refreshed';
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
