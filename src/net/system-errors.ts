import { CodedError, errorMessage } from '../base/index.ts';

/** The `code` of an error thrown by Node or the kernel, such as `EADDRINUSE`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

type BindErrorCode = 'address-in-use' | 'address-unavailable' | 'address-forbidden' | 'bind-failed';

/** Why a socket could not be bound, in words an operator can act on. */
export function bindError(error: unknown, transport: string, address: string): CodedError<BindErrorCode> {
  const where = `${transport} ${address}`;
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return new CodedError('address-in-use', `${where} is in use by another program`, { cause: error });
    case 'EADDRNOTAVAIL':
      return new CodedError('address-unavailable', `${where} is not an address of this machine`, {
        cause: error,
      });
    case 'EACCES':
      return new CodedError(
        'address-forbidden',
        `no permission to bind ${where}: ports below 1024 need a privilege (CAP_NET_BIND_SERVICE)`,
        { cause: error },
      );
    default:
      return new CodedError('bind-failed', `cannot bind ${where}: ${errorMessage(error)}`, { cause: error });
  }
}
