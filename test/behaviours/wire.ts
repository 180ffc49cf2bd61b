import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { CodedError, withTimeout } from '../../src/base/index.ts';
import { SystemNetwork, systemClock } from '../../src/net/index.ts';
import { type GatewayProcess, startGateway } from '../support/gateway.ts';
import { Phone, type PhoneOptions, type RequestOptions, type Time } from './phone.ts';

const realTime: Time = {
  now: () => systemClock.monotonic(),
  // What takes a millisecond in virtual time may take long on a busy machine.
  until: (promise, ms) =>
    withTimeout(systemClock, Math.max(ms, 10_000), promise, () => new CodedError('too-late', 'nothing came')),
  pass: (ms) => sleep(ms),
};

/** Opens phones on loopback for the server at a port; they are closed with the test. */
export class Wire {
  readonly #network = new SystemNetwork();
  readonly #port: (transport: 'udp' | 'tcp') => number;

  constructor(port: (transport: 'udp' | 'tcp') => number) {
    this.#port = port;
  }

  async phone(t: ExecutionContext, user: string, options: Partial<PhoneOptions> = {}): Promise<Phone> {
    const { transport = 'UDP' } = options;
    const server = { host: '127.0.0.1', port: this.#port(transport === 'UDP' ? 'udp' : 'tcp') };
    const deps = { network: this.#network, time: realTime, server };
    const phone = await Phone.open(deps, { user, host: '127.0.0.1', port: 0, ...options });
    t.teardown(() => phone.close());
    return phone;
  }

  async registered(
    t: ExecutionContext,
    user: string,
    options: Partial<PhoneOptions> & { register?: RequestOptions & { params?: string } } = {},
  ): Promise<Phone> {
    const phone = await this.phone(t, user, options);
    await phone.register(options.register);
    return phone;
  }
}

/** A gateway's process for all tests of a file. It asks nobody for a password: each test has users of its own. */
export function gatewayOfFile(): Wire {
  let gateway: GatewayProcess | undefined;
  const closers: (() => unknown)[] = [];
  test.before(async () => {
    const ending = { teardown: (close: () => unknown) => void closers.push(close) };
    gateway = await startGateway(ending, async (port) => ({
      overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
      sip: { auth: 'none', listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'] },
    }));
  });
  test.after.always(async () => {
    for (const close of closers.reverse()) await close();
  });
  return new Wire((transport) => gateway!.sipPort(transport));
}
