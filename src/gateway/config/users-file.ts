import type { Account } from '../../sip/auth/credentials.ts';
import type { DigestAlgorithm } from '../../sip/auth/digest.ts';
import { canonicalAor } from '../../sip/message/aor.ts';
import { parseUri } from '../../sip/message/uri.ts';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { type ParsedUsers, usersSchema } from './schema.ts';
import { parseYaml, validate } from './yaml-file.ts';

type ParsedUser = ParsedUsers['users'][number];

/**
 * Reads `{users: [{aor, password | ha1 | ha1-sha256}]}`.
 * @param shown the file as messages name it
 * @throws ConfigError with every problem found
 */
export function parseUsers(
  text: string,
  shown: string,
  { domains, digest }: { domains: readonly string[]; digest: readonly DigestAlgorithm[] },
): Account[] {
  const { users } = validate(usersSchema, parseYaml(text, shown), () => shown);
  const problems: ConfigProblem[] = [];
  const records = new Map<string, Account>();
  for (const [i, user] of users.entries()) {
    const refuse = (key: string, problem: string, mend: string) =>
      problems.push({ file: shown, path: `users[${i}]${key}`, problem, mend });
    const aor = readAor(user.aor);
    const domain = aor?.slice(aor.lastIndexOf('@') + 1);
    const fault = secretFault(user, digest);
    if (aor === undefined) {
      refuse('.aor', `"${user.aor}" is not an address of record`, 'write it like alice@example.org');
    } else if (!domains.includes(domain!)) {
      const known = `sip.domains (${domains.join(', ')})`;
      refuse('.aor', `${aor} is in none of ${known}`, `add ${domain} there, or take the user out`);
    } else if (records.has(aor)) {
      refuse('.aor', `${aor} is there twice`, 'keep one of them');
    } else if (fault !== undefined) {
      refuse('', `${aor} ${fault}`, 'give a password, or ha1, or ha1-sha256 (or both hashes)');
    } else {
      const { password, ha1 } = user;
      records.set(aor, { aor, password, ha1, ha1Sha256: user['ha1-sha256'] });
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return [...records.values()];
}

/** The canonical form under which a REGISTER will look for the user; undefined when the text is no AoR. */
export function readAor(text: string): string | undefined {
  if (!/^[^@:;?<>"\s]+@[^@:;?<>"\s]+$/.test(text)) return undefined;
  try {
    return canonicalAor(parseUri(`sip:${text}`), '', () => false);
  } catch {
    return undefined;
  }
}

/** What is wrong with a user's secret; undefined when it will do. */
function secretFault(user: ParsedUser, digest: readonly DigestAlgorithm[]): string | undefined {
  const { password, ha1 } = user;
  const ha1Sha256 = user['ha1-sha256'];
  const hashed = ha1 !== undefined || ha1Sha256 !== undefined;
  if (password !== undefined) return hashed ? 'has a password and a hash' : undefined;
  if (!hashed) return 'has no password';
  const usable =
    (ha1 !== undefined && digest.includes('MD5')) || (ha1Sha256 !== undefined && digest.includes('SHA-256'));
  return usable ? undefined : `has no hash for sip.digest (${digest.join(', ').toLowerCase()})`;
}
