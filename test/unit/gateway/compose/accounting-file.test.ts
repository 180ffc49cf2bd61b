import { mkdirSync, readFileSync, renameSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { type Logger, silentLogger } from '../../../../src/base/index.ts';
import { AccountingFile } from '../../../../src/gateway/compose/accounting-file.ts';
import type { CallRecord } from '../../../../src/sip/proxy/call-log.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';
import { eventually } from '../../../support/wait.ts';

const RECORD: CallRecord = {
  ...{ call: 'c1', from: 'alice@example.org', to: 'bob@example.org', source: '192.0.2.1:5060', status: 404 },
  ...{ begin: '2026-01-01T00:00:00.000Z', end: '2026-01-01T00:00:00.100Z', seconds: 0 },
};

test('C: records that cannot be written are counted, the log says so once, and it goes on when it can', async (t) => {
  const file = path.join(temporaryDirectory('accounting'), 'calls.jsonl');
  mkdirSync(file);
  const metrics = new CountingMetrics();
  const errors: string[] = [];
  const logger: Logger = { ...silentLogger, error: (message) => errors.push(message) };
  const accounting = new AccountingFile({ logger, metrics }, file);
  for (let lost = 1; lost <= 3; lost += 1) {
    accounting.write(RECORD);
    await eventually('the loss', 5_000, () => metrics.value('sip_call_records_lost_total') === lost);
  }
  t.deepEqual(errors, ['call records cannot be written']);
  rmdirSync(file);
  await eventually('a record', 5_000, () => {
    if (metrics.value('sip_call_records_total') > 0) return true;
    accounting.write(RECORD);
    return false;
  });
  await accounting.close();
  t.deepEqual(JSON.parse(readFileSync(file, 'utf8').split('\n')[0]!), RECORD);
});

test('C: closing waits for what was written before a reopening', async (t) => {
  const file = path.join(temporaryDirectory('accounting'), 'calls.jsonl');
  const moved = `${file}.1`;
  const metrics = new CountingMetrics();
  const written = () => metrics.value('sip_call_records_total');
  const accounting = new AccountingFile({ logger: silentLogger, metrics }, file);
  accounting.write(RECORD);
  await eventually('the file', 5_000, () => written() === 1);
  renameSync(file, moved);
  // Some megabytes: the disk is still busy with them when the new file, without any record, could be closed.
  const waiting = 20_000;
  for (let n = 0; n < waiting; n += 1) accounting.write(RECORD);
  accounting.reopen();
  await accounting.close();
  t.is(written(), 1 + waiting);
  t.is(readFileSync(moved, 'utf8').trimEnd().split('\n').length, 1 + waiting);
  t.is(readFileSync(file, 'utf8'), '');
});
