import { resolve } from 'node:path';
import type { Command } from 'commander';
import { errorMessage } from '../../base/index.ts';
import { systemClock } from '../../net/system-clock.ts';
import { systemRandom } from '../../net/system-random.ts';
import { shareOfMessage } from '../../reload/document/document-size.ts';
import type { OverlayDocument } from '../../reload/document/overlay-document.ts';
import { AccountFiles } from '../enrollment/account-files.ts';
import { AuthorityDirectory } from '../enrollment/authority-directory.ts';
import { AuthorityError } from '../enrollment/authority-error.ts';
import { DocumentEditor } from '../enrollment/document-editor.ts';
import { DataError } from '../persistence/errors.ts';
import { CommandError } from './environment.ts';

export interface AuthorityOptions {
  readonly dir: string;
}

/** The option of every command that works on an overlay's authority. */
export function withAuthorityOptions(command: Command): Command {
  return command.requiredOption('--dir <directory>', 'directory that p2psip overlay create made');
}

export const authorityDeps = { clock: systemClock, random: systemRandom };

/** What commands do with an overlay's authority. */
export interface Authority {
  readonly directory: AuthorityDirectory;
  readonly accounts: AccountFiles;
  readonly editor: DocumentEditor;
}

/** @throws AuthorityError */
export function openAuthority({ dir }: AuthorityOptions): Authority {
  const directory = AuthorityDirectory.open(authorityDeps, resolve(dir));
  const { name: overlay } = directory.document();
  return {
    directory,
    accounts: new AccountFiles(authorityDeps, { ...directory.places, overlay }),
    editor: new DocumentEditor({ ...authorityDeps, directory }),
  };
}

/** Exit 2 for what the operator wrote wrong, 1 for what cannot be done as things are. */
export async function explained(work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof AuthorityError) {
      const code = ['account-name', 'bad-value', 'overlay-missing', 'overlay-exists'].includes(error.code)
        ? 'wrong-use'
        : 'operation-failed';
      throw new CommandError(code, oneLine(error), { cause: error });
    }
    if (error instanceof DataError || isSystemError(error)) {
      throw new CommandError('operation-failed', oneLine(error), { cause: error });
    }
    throw error;
  }
}

/** From half of what a message may carry, the operator is told; beyond it, peers cannot pass the document on. */
export function sizeWarning(document: OverlayDocument): string | undefined {
  const share = shareOfMessage(document);
  if (share < 0.5) return undefined;
  const { maxMessageSize, source, revokedUsers, badNodes } = document;
  const what =
    `the configuration document has ${source?.bytes.length} bytes, ` +
    `with ${revokedUsers.size} revoked users and ${badNodes.size} bad nodes`;
  return share > 1
    ? `warning: ${what}: peers cannot pass it on in messages of ${maxMessageSize} bytes, only fetch it`
    : `warning: ${what}: ${Math.round(100 * share)} % of what a message of ${maxMessageSize} bytes can carry`;
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function oneLine(error: unknown): string {
  return errorMessage(error).replace(/\s+/g, ' ');
}
