import { type Address, formatAddress, isLoopback } from '../../base/index.ts';

/** What says who may join a self-signed overlay. */
interface Exposure {
  readonly listen: readonly Address[];
  readonly open: boolean;
  /** Of the file or of the document. */
  readonly hasSecret: boolean;
  readonly allow?: readonly string[] | undefined;
}

/**
 * In an open self-signed overlay anybody who can connect can sign any AoR, so that must be asked for.
 * @returns the index of the listen address that is too open, with what is wrong and how to mend it
 */
export function tooOpen({ listen, open, allow, hasSecret }: Exposure) {
  const wide = listen.findIndex(({ host }) => !isLoopback(host));
  if (wide === -1 || open || hasSecret || allow !== undefined) return undefined;
  return {
    path: `overlay.listen[${wide}]`,
    problem: `a self-signed overlay on ${formatAddress(listen[wide]!)} lets anybody who reaches it answer for any user`,
    mend:
      'give its peers a secret (overlay.shared-secret-file), list the Node-IDs that may join (overlay.allow), ' +
      'accept it (overlay.open: true), or listen on 127.0.0.1',
  };
}

/**
 * Whether peers on the local network are looked for: where the file does not say, unless nobody there could connect to us.
 * @param overlay as in the file
 */
export function looksAround(overlay: {
  readonly listen: readonly Pick<Address, 'host'>[];
  readonly 'local-discovery'?: boolean | undefined;
}): boolean {
  return overlay['local-discovery'] ?? overlay.listen.some(({ host }) => !isLoopback(host));
}
