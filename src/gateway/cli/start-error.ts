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
  'node-id-conflict': 'data',
  'document-unsupported': 'overlay.document',
  'document-expired': 'overlay.document',
  'not-welcome': 'overlay.document',
  'address-in-use': 'listen',
  'address-unavailable': 'listen',
  'address-forbidden': 'listen',
  'bind-failed': 'listen',
};

/** What the servers of the overlay said no to, or what is wrong with them. */
const SERVER_MENDS: Readonly<Record<string, { readonly path: string; readonly mend: string }>> = {
  'configuration-untrusted': {
    path: 'overlay.document',
    mend: "check the URL and its pin (or overlay.ca-file) and the clock, or have the server's certificate renewed",
  },
  'configuration-refused': { path: 'overlay.document', mend: 'check the URL' },
  'no-configuration-server': {
    path: 'overlay.name',
    mend: 'check the name, or give the URL (overlay.document)',
  },
  'enrollment-untrusted': {
    path: 'overlay.enroll',
    mend: "check the pin (or overlay.ca-file) and the clock, or have the server's certificate renewed",
  },
  'enrollment-refused': {
    path: 'overlay.enroll',
    mend: 'check username and password-file with whoever runs the overlay',
  },
  'enrollment-invalid': { path: 'overlay.enroll', mend: 'tell whoever runs the enrollment server' },
  'no-enrollment-server': {
    path: 'overlay.enroll',
    mend: 'get a document with an enrollment-server (https URL) from whoever runs the overlay',
  },
};

/** What to do about what a server of the overlay said; undefined for other codes. */
export function serverMend(code: string): { readonly path: string; readonly mend: string } | undefined {
  return SERVER_MENDS[code];
}

const LISTEN_MENDS: Readonly<Record<string, string>> = {
  'address-in-use': 'stop that program, or choose another port (0 = any)',
  'address-forbidden': 'choose a port from 1024 up',
};

/** Turns what `composeGateway` rejected with into the file, the path in it and the mend. */
export function explainStartError(error: unknown, config: GatewayConfig): StartFailure {
  const message = errorMessage(error).replace(/\s+/g, ' ');
  if (error instanceof ConfigError) return { line: message, exitCode: 2 };
  const server = error instanceof CodedError ? serverMend(error.code) : undefined;
  if (server !== undefined) {
    return { line: formatProblem({ file: config.file, problem: message, ...server }), exitCode: 2 };
  }
  if (isOfAnEarlierAuthority(error, config)) {
    const problem = `${message}; started again, this peer gets a new certificate`;
    return { line: `${config.file}: overlay.enroll: ${problem}`, exitCode: 1 };
  }
  const path = error instanceof CodedError ? MENDABLE[error.code] : undefined;
  if (path === undefined) return { line: `${config.file}: the peer did not start: ${message}`, exitCode: 1 };
  if (path !== 'listen') return { line: `${config.file}: ${path}: ${message}`, exitCode: 2 };
  const mend = LISTEN_MENDS[(error as CodedError).code] ?? 'choose another address';
  const place = { file: config.file, path: listenPath(message, config) };
  const line = formatProblem({ ...place, problem: message, mend });
  return { line, exitCode: 2 };
}

/** A new document has replaced the authority that issued our certificate: the next start enrolls at the new one. */
function isOfAnEarlierAuthority(error: unknown, { overlay }: GatewayConfig): boolean {
  if (overlay.enroll === undefined || !(error instanceof CodedError) || error.code !== 'not-welcome')
    return false;
  return error.cause instanceof CodedError && error.cause.code === 'certificate-untrusted';
}

/** The key whose address the message names: `TCP 127.0.0.1:5060 is in use by another program`. */
function listenPath(message: string, { overlay, sip, admin }: GatewayConfig): string {
  const words = message.split(/[\s,;()]+/).map((word) => word.replace(/:$/, ''));
  const datagram = words.includes('UDP');
  const named = [
    ...sip.listen.map(({ transport, address }, i) => ({ path: `sip.listen[${i}]`, transport, address })),
    ...overlay.listen.map((address, i) => ({ path: `overlay.listen[${i}]`, transport: 'TCP', address })),
    ...(admin === undefined ? [] : [{ path: 'admin', transport: 'TCP', address: admin.listen }]),
  ];
  const found = named.find(
    ({ transport, address }) => (transport === 'UDP') === datagram && words.includes(formatAddress(address)),
  );
  return found?.path ?? 'listen';
}
