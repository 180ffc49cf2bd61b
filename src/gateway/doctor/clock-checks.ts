import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { type Finding, fail, ok } from './finding.ts';

const DAY_MS = 86_400_000;
/** Copied from another machine, a file may be a little ahead. */
const AHEAD_MS = 120_000;
/** Stored values are ordered by their times, so a clock need not be off by much to make a peer's changes too old. */
const SERVER_OFFSET_MS = 30_000;

const MEND = 'set the clock (NTP): other peers refuse what is signed at a wrong time';

/**
 * Certificates and stored records carry times. A clock that lies before this program was built, or before files were
 * written that are here already, is behind; and the configuration server, where there is one, says what time it is.
 * @param server what time it was there, and here, when it was asked, ms; undefined: none was
 */
export function checkClock(
  config: GatewayConfig,
  server: { readonly time: number; readonly asked: number } | undefined,
  now = Date.now(),
): Finding {
  const built = statSync(fileURLToPath(import.meta.url)).mtimeMs;
  const shown = new Date(now).toISOString();
  if (now < built - DAY_MS) {
    const detail = `${shown} lies before this program was built (${new Date(built).toISOString()})`;
    return fail('clock', detail, MEND);
  }
  const newest = newestFile(config);
  if (newest.time > now + AHEAD_MS) {
    const written = new Date(newest.time).toISOString();
    return fail('clock', `${shown}, but ${newest.path} was written at ${written}`, MEND);
  }
  const offset = server === undefined ? 0 : server.time - server.asked;
  if (Math.abs(offset) > SERVER_OFFSET_MS) {
    const seconds = Math.round(Math.abs(offset) / 1000);
    const detail = `${seconds} s ${offset > 0 ? 'behind' : 'ahead of'} the configuration server's`;
    return fail('clock', detail, `${MEND}, here or there`);
  }
  return ok('clock', server === undefined ? shown : `${shown}, as the configuration server has it`);
}

function newestFile({ file, data }: GatewayConfig): { path: string; time: number } {
  const kept =
    data === 'memory' || !existsSync(data) ? [] : readdirSync(data).map((name) => join(data, name));
  const times = [file, ...kept]
    .filter((path) => existsSync(path))
    .map((path) => ({ path, time: statSync(path).mtimeMs }));
  return times.reduce((newest, each) => (each.time > newest.time ? each : newest), { path: file, time: 0 });
}
