import { appAttach } from './app-attach.ts';
import { attach } from './attach.ts';
import { configUpdate } from './config-update.ts';
import { fetch } from './fetch.ts';
import { find } from './find.ts';
import { join } from './join.ts';
import { leave } from './leave.ts';
import type { Method } from './method.ts';
import { ERROR_CODE } from './method.ts';
import { ping } from './ping.ts';
import { probe } from './probe.ts';
import { routeQuery } from './route-query.ts';
import { stat } from './stat.ts';
import { store } from './store.ts';
import { update } from './update.ts';

/** RFC 6940 §14.8. */
export const methods = [
  probe,
  attach,
  store,
  fetch,
  find,
  join,
  leave,
  update,
  routeQuery,
  ping,
  stat,
  appAttach,
  configUpdate,
] as const;

const byCode = new Map<number, Method<unknown, unknown>>();
for (const entry of methods) {
  byCode.set(entry.requestCode, entry);
  byCode.set(entry.answerCode, entry);
}

/** The method that a request or answer code belongs to. */
export function methodOfCode(code: number): Method<unknown, unknown> | undefined {
  return byCode.get(code);
}

/** `store_req`, `store_ans`, `error`, `0x8001`: for logs, traces and metrics. */
export function messageName(code: number): string {
  if (code === ERROR_CODE) return 'error';
  const found = byCode.get(code);
  if (found === undefined) return `0x${code.toString(16)}`;
  return `${found.name}_${code === found.requestCode ? 'req' : 'ans'}`;
}
