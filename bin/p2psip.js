#!/usr/bin/env -S node --initial-old-space-size=256 --max-semi-space-size=32
// The V8 flags keep full collections rare: finished transactions live for half a minute (RFC 3261 timers), and marking
// them over and over costs calls several milliseconds. Started as `node bin/p2psip.js`, all works without them.
// Kept apart from the compiled code, so that a clone without dist/ says what to do. No wrapper process: the process
// number that started this is the peer, and signals reach it.
import { existsSync } from 'node:fs';

const compiled = new URL('../dist/gateway/cli/main.js', import.meta.url);
if (!existsSync(compiled)) {
  console.error('p2psip: not built yet; run "npm ci" (or "npm run build") in its directory first');
  process.exit(2);
}
const { main } = await import(compiled.href);
process.exit(await main(process.argv.slice(2)));
