/** What the call list wants to know of a SIP message. */
export interface SipFacts {
  /** Of a request. */
  readonly method?: string;
  /** Of a response. */
  readonly status?: number;
  readonly reason?: string;
  /** The method in CSeq. */
  readonly cseqMethod: string;
}

const RESPONSE = /^SIP\/2\.0 ([1-6][0-9]{2}) ?([^\r\n]*)/;
const CSEQ = /\r\ncseq[ \t]*:[ \t]*[0-9]+[ \t]+([^\s]+)/i;
/** Tags are compared, so how they are quoted does not matter. */
const TAG = /;[ \t]*tag[ \t]*=[ \t]*([^;,\s>]+)/i;
const URI = /<([^>]*)>|([a-z]+:[^\s;]+)/i;

/** @param text the message, or as much of it as holds its headers */
export function factsOf(text: string): SipFacts {
  const cseqMethod = CSEQ.exec(text)?.[1] ?? '';
  const response = RESPONSE.exec(text);
  if (response !== null) return { status: Number(response[1]), reason: response[2]!, cseqMethod };
  return { method: text.slice(0, text.indexOf(' ')), cseqMethod };
}

/** The value of the first header of one of these names, in lower case: the full one and the compact one. */
export function headerOf(text: string, name: string, compact: string): string {
  const pattern = new RegExp(`\\r\\n(?:${name}|${compact})[ \\t]*:[ \\t]*([^\\r\\n]*)`, 'i');
  return pattern.exec(text)?.[1] ?? '';
}

export function tagOf(header: string): string | undefined {
  return TAG.exec(header)?.[1];
}

/** `alice@example.org` of `"Alice" <sip:alice@example.org;transport=tcp>;tag=1`. */
export function nameOf(header: string): string {
  const match = URI.exec(header);
  const uri = match?.[1] ?? match?.[2] ?? header;
  return uri.replace(/^sips?:/i, '').split(/[;?]/, 1)[0]!;
}
