import { RE2JS } from 're2js';
import type { KindTable } from '../wire/kind-table.ts';
import { Kind } from './kinds.ts';

/** RFC 7904 §3.4: whose registrations an overlay takes. */
export interface DomainRestriction {
  /** Whether the patterns count; otherwise only AoRs of the overlay's own domain are taken. */
  readonly enabled: boolean;
  /** POSIX extended regular expressions, of whole domain names. */
  readonly patterns: readonly string[];
}

/** More would make every Store slow. */
const MAX_PATTERNS = 64;
const MAX_PATTERN_LENGTH = 255;

/**
 * Which domains may have users in an overlay.
 * NOTE: the RFC does not say that a pattern stands for all of the name, but its example does: what ends with my.example is
 * `.*\.my\.example`. They are matched in linear time, whatever they are.
 * @param restriction undefined: any
 * @throws Error when there are too many patterns, or one of them is no regular expression
 */
export function domainRule(
  overlay: string,
  restriction: DomainRestriction | undefined,
): ((domain: string) => boolean) | undefined {
  if (restriction === undefined) return undefined;
  const { enabled, patterns } = restriction;
  if (!enabled) return (domain) => domain.toLowerCase() === overlay.toLowerCase();
  if (patterns.length > MAX_PATTERNS) throw new Error(`more than ${MAX_PATTERNS} patterns`);
  const expressions = patterns.map(compile);
  return (domain) => expressions.some((expression) => expression.matches(domain));
}

/** The Kinds of an overlay, of which SIP-REGISTRATION is only for users of the domains that `rule` admits. */
export function restrictKinds(kinds: KindTable, rule: ((domain: string) => boolean) | undefined): KindTable {
  const registration = kinds.get(Kind.SIP_REGISTRATION);
  if (rule === undefined || registration === undefined) return kinds;
  const admits = (userName: string) => rule(userName.slice(userName.lastIndexOf('@') + 1));
  return new Map([...kinds, [Kind.SIP_REGISTRATION, { ...registration, admits }]]);
}

function compile(pattern: string): RE2JS {
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw new Error(`a pattern of more than ${MAX_PATTERN_LENGTH} characters`);
  return RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
}

/** Whether a user can be registered in an overlay with these Kinds. */
export function admitsUser(kinds: KindTable, aor: string): boolean {
  return kinds.get(Kind.SIP_REGISTRATION)?.admits?.(aor) ?? true;
}

/** Whether the users of a domain can. */
export function admitsDomain(kinds: KindTable, domain: string): boolean {
  return admitsUser(kinds, `user@${domain}`);
}
