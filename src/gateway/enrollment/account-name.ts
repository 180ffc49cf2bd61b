import { signerName } from '../../reload/enrollment/new-overlay.ts';
import { readAor } from '../config/users-file.ts';
import { AuthorityError } from './authority-error.ts';

/** With `.json` behind it a file name has at most 255 bytes everywhere. */
const MAX_FILE_NAME = 240;

/**
 * The canonical name of an account, an AoR of the overlay's domain: no other may be stored (RFC 7904 §3.4).
 * @throws AuthorityError 'account-name'
 */
export function accountName(text: string, overlay: string): string {
  const name = readAor(text);
  if (name === undefined) refuse(`${JSON.stringify(text)} is no address`, `write it like alice@${overlay}`);
  const domain = name.slice(name.lastIndexOf('@') + 1);
  if (domain !== overlay.toLowerCase()) {
    refuse(`${name} is not in the overlay's domain`, `its accounts end in @${overlay}`);
  }
  if (name === signerName(overlay)) refuse(`${name} signs the configuration`, 'choose another name');
  if (accountFileName(name) === undefined) refuse('the name is too long', 'choose a shorter one');
  return name;
}

/** The file that an account is kept in; undefined for a name that no account can have. */
export function accountFileName(name: string): string | undefined {
  // Printable ASCII with an @: never a path, never hidden, readable for the most part.
  if (!/^[\x21-\x7e]+@[\x21-\x7e]+$/.test(name)) return undefined;
  const file = `${encodeURIComponent(name).replaceAll('%40', '@').replace(/^\./, '%2E')}.json`;
  return file.length <= MAX_FILE_NAME ? file : undefined;
}

function refuse(problem: string, mend: string): never {
  throw new AuthorityError('account-name', `${problem}; ${mend}`);
}
