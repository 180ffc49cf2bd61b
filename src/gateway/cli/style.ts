import type { Writable } from 'node:stream';

export interface Style {
  bold(text: string): string;
  good(text: string): string;
  doubtful(text: string): string;
  bad(text: string): string;
}

/** Colours on a terminal whose user has not asked for none (no-color.org); else the text as it is. */
export function styleFor(stream: Writable, environment: NodeJS.ProcessEnv = process.env): Style {
  const paint = hasColours(stream, environment)
    ? (code: number) => (text: string) => `\x1b[${code}m${text}\x1b[0m`
    : () => (text: string) => text;
  return { bold: paint(1), good: paint(32), doubtful: paint(33), bad: paint(31) };
}

export function hasColours(
  stream: Writable,
  { NO_COLOR = '', TERM }: NodeJS.ProcessEnv = process.env,
): boolean {
  return isTerminal(stream) && NO_COLOR === '' && TERM !== 'dumb';
}

export function isTerminal(stream: Writable): boolean {
  return (stream as { readonly isTTY?: boolean }).isTTY === true;
}
