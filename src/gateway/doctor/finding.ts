export type Verdict = 'ok' | 'warn' | 'fail';

/** What one check of the doctor came to. */
export interface Finding {
  /** What was looked at: a path in the file, or a word for a thing outside it. */
  readonly check: string;
  readonly verdict: Verdict;
  readonly detail: string;
  /** What to do about it; left out when all is well. */
  readonly mend?: string;
}

export function ok(check: string, detail: string): Finding {
  return { check, verdict: 'ok', detail };
}

export function warn(check: string, detail: string, mend: string): Finding {
  return { check, verdict: 'warn', detail, mend };
}

export function fail(check: string, detail: string, mend: string): Finding {
  return { check, verdict: 'fail', detail, mend };
}

/** A message that reads `<problem>; <mend>`, taken apart again. */
export function fromMessage(check: string, verdict: 'warn' | 'fail', message: string): Finding {
  const cut = message.lastIndexOf('; ');
  if (cut === -1) return { check, verdict, detail: message };
  return { check, verdict, detail: message.slice(0, cut), mend: message.slice(cut + 2) };
}

/** A warning of `modeWarning`: `<problem>: <mend>`. */
export function secretWarning(warning: string): Finding {
  const cut = warning.lastIndexOf(': ');
  return warn('secrets', warning.slice(0, cut), warning.slice(cut + 2));
}
