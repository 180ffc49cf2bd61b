import type { LogFields } from '../../base/index.ts';

const SECRET_NAME =
  /pass(word|phrase)?$|secret|token|^ha1|authorization|credential|private.?key|^response$|^nonce$/i;
const PEM_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;
const DIGEST_RESPONSE = /\b(response|password)="[^"]*"/gi;
const REDACTED = '[redacted]';
const MAX_TEXT = 2000;
const MAX_DEPTH = 4;
const MAX_ITEMS = 50;

/**
 * The fields as they may be written: secrets replaced by their name or shape, errors as their message, long values
 * cut. The last line of defence: callers do not log secrets in the first place.
 */
export function redact(fields: LogFields): Record<string, unknown> {
  return redactObject(fields, 0);
}

/** The same for the text of a message. */
export function redactText(text: string): string {
  const clean = text.replace(PEM_KEY, REDACTED).replace(DIGEST_RESPONSE, `$1="${REDACTED}"`);
  return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT)}… (${clean.length} characters)` : clean;
}

function redactObject(fields: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .slice(0, MAX_ITEMS)
      .map(([name, value]) => [name, SECRET_NAME.test(name) ? REDACTED : redactValue(value, depth)]),
  );
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return describeError(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (depth >= MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => redactValue(item, depth + 1));
  return redactObject(value, depth + 1);
}

function describeError(error: Error): string {
  const code = (error as { code?: unknown }).code;
  return redactText(typeof code === 'string' ? `${error.message} (${code})` : error.message);
}
