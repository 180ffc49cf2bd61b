import { CodedError, errorMessage, formatAddress } from '../../base/index.ts';
import { ConfigError, formatProblem } from '../config/config-error.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';

/** Why a peer does not stand: one line, and the exit code that goes with it. */
export interface StartFailure {
  readonly line: string;
  readonly exitCode: 1 | 2;
}

/** What the operator has to mend in the configuration or beside it: exit 2. All else (nobody to join): exit 1. */
const MENDABLE: Readonly<Record<string, string>> = {
  'data-in-use': 'data',
  'data-unusable': 'data',
  'store-damaged': 'data',
  'store-version': 'data',
  'identity-damaged': 'data',
  'node-id-in-use': 'data',
  'address-in-use': 'listen',
  'address-unavailable': 'listen',
};

/** Turns what `composeGateway` rejected with into the file, the path in it and the mend. */
export function explainStartError(error: unknown, config: GatewayConfig): StartFailure {
  const message = errorMessage(error).replace(/\s+/g, ' ');
  if (error instanceof ConfigError) return { line: message, exitCode: 2 };
  const path = error instanceof CodedError ? MENDABLE[error.code] : undefined;
  if (path === undefined) return { line: `${config.file}: the peer did not start: ${message}`, exitCode: 1 };
  if (path !== 'listen') return { line: `${config.file}: ${path}: ${message}`, exitCode: 2 };
  const inUse = (error as CodedError).code === 'address-in-use';
  const line = formatProblem({
    file: config.file,
    path: listenPath(message, config),
    problem: inUse ? `the port is in use (${message})` : `the address is not one of this host (${message})`,
    mend: inUse ? 'stop the program that has it, or choose another port (0 = any)' : 'choose another address',
  });
  return { line, exitCode: 2 };
}

/** The key whose address the message names; addresses are unlike each other, or `rules.ts` had refused them. */
function listenPath(message: string, { overlay, sip, admin }: GatewayConfig): string {
  const named = [
    ...overlay.listen.map((address, i) => ({ path: `overlay.listen[${i}]`, address })),
    ...sip.listen.map(({ address }, i) => ({ path: `sip.listen[${i}]`, address })),
    ...(admin === undefined ? [] : [{ path: 'admin', address: admin.listen }]),
  ];
  const words = message.split(/[\s,;()]+/).map((word) => word.replace(/:$/, ''));
  const found = named.find(({ address }) => words.includes(formatAddress(address)));
  return found?.path ?? 'listen';
}
