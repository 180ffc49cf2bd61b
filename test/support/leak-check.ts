// Loaded by AVA before each test file.
import test, { registerCompletionHandler } from 'ava';

/** What a test file leaves behind must be over by then, ms: AVA itself would wait for the last timer and socket. */
const GRACE_MS = 10_000;

registerCompletionHandler(() => {
  setTimeout(() => {
    const left = process.getActiveResourcesInfo().join(', ') || 'nothing that Node knows of';
    console.error(`${test.meta.file}: its tests are over, and this is still there: ${left}`);
    process.exit(1);
  }, GRACE_MS).unref();
});
