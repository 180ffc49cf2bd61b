import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { Baresip } from './baresip.ts';
import { freePortRange, freeServerPort } from './ports.ts';
import { heardTone } from './tone.ts';

export interface PhonesOptions {
  /** `host:port` of the caller's and of the callee's server. */
  server1: string;
  server2: string;
  domain: string;
  transport?: 'udp' | 'tcp' | 'tls';
  /** PEM file with the authority of the servers' certificates, for `tls`. */
  authority?: string;
  caller?: string;
  callee?: string;
  password?: string;
  talkMs?: number;
  /** False against a redirect server: the phone's domain is its server, and it follows the 302 by itself. */
  outbound?: boolean;
}

/**
 * Two ordinary phones (baresip) register, the first calls the second, each must hear the other's tone over RTP, and
 * the callee hangs up. Every step is an assertion of the test.
 */
export async function phonesTalk(t: ExecutionContext, options: PhonesOptions): Promise<void> {
  const talkMs = options.talkMs ?? 2500;
  const directory = mkdtempSync(path.join(tmpdir(), 'p2psip-phones-'));
  const caller = await phone(directory, options.caller ?? 'alice', options.server1, 440, options);
  const callee = await phone(directory, options.callee ?? 'bob', options.server2, 950, options);
  try {
    await Promise.all([caller.start(), callee.start()]);
    await Promise.all([caller.registered(8000), callee.registered(8000)]);
    caller.command('dial', `sip:${callee.options.user}@${caller.options.domain}`);
    await Promise.all([caller.event('CALL_ESTABLISHED', 8000), callee.event('CALL_ESTABLISHED', 8000)]);
    await new Promise((resolve) => setTimeout(resolve, talkMs)); // they talk in real time
    callee.command('hangup'); // a BYE against the direction of the INVITE
    await Promise.all([caller.event('CALL_CLOSED', 5000), callee.event('CALL_CLOSED', 5000)]);
  } catch (error) {
    t.log(`caller:\n${caller.log}\ncallee:\n${callee.log}`);
    throw error;
  } finally {
    await Promise.all([caller.stop(), callee.stop()]);
  }
  for (const [listener, speaker] of [
    [caller, callee],
    [callee, caller],
  ] as const) {
    const heard = heardTone(listener.options.directory, speaker.options.hertz);
    const who = `${listener.options.user} heard ${heard.seconds.toFixed(1)} s, tone ${heard.tone.toFixed(2)}`;
    t.true(heard.seconds * 1000 >= talkMs * 0.6 && heard.tone > 0.8, who);
  }
  rmSync(directory, { recursive: true, force: true });
}

async function phone(
  directory: string,
  user: string,
  server: string,
  hertz: number,
  options: PhonesOptions,
): Promise<Baresip> {
  const outbound = options.outbound ?? true;
  return new Baresip({
    directory: path.join(directory, user),
    user,
    password: options.password ?? 'secret',
    domain: outbound ? options.domain : server,
    server,
    transport: options.transport ?? 'udp',
    outbound,
    ...(options.authority !== undefined && { authority: options.authority }),
    sipPort: await freeServerPort(),
    controlPort: await freeServerPort(),
    rtpBase: await freePortRange(100),
    hertz,
  });
}
