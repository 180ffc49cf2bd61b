import { writeFileSync } from 'node:fs';

/**
 * Puts a process that was started detached (a session of its own) before other work on this machine, so that a shared
 * machine disturbs the figures less; every contender and SIPp gets it. Without the right to do so nothing changes.
 */
export function prefer({ pid }) {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, '-20');
  } catch {
    // not root, or a kernel without autogroups
  }
}
