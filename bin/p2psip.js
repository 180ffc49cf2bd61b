#!/usr/bin/env node
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
