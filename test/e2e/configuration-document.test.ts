import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MemoryKeyValueStore } from '../../src/base/key-value-store.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { noMetrics } from '../../src/base/metrics.ts';
import { SystemNetwork, systemClock, systemRandom } from '../../src/net/index.ts';
import { readDocument } from '../../src/reload/document/document-reader.ts';
import { trustOfDocument } from '../../src/reload/document/document-trust.ts';
import { writeDocument } from '../../src/reload/document/document-writer.ts';
import { builtInDocument } from '../../src/reload/document/overlay-document.ts';
import { ReloadNode } from '../../src/reload/node/reload-node.ts';
import { createSelfSignedIdentity } from '../../src/reload/security/identity.ts';
import { nodeResource } from '../../src/reload/storage/access-policy.ts';
import type { KindDefinition } from '../../src/reload/wire/kind-table.ts';
import { type GatewayProcess, startGateway } from '../support/gateway.ts';
import { cli, run } from '../support/process.ts';
import { cliPath } from '../support/project.ts';
import { eventually } from '../support/wait.ts';

const OVERLAY = 'doc.example.org';
const machine = { clock: systemClock, random: systemRandom, network: new SystemNetwork() };
const administrator = createSelfSignedIdentity(machine, { overlay: OVERLAY });

const PRIVATE_KIND: KindDefinition = {
  id: 0xf000_0001,
  name: '0xf0000001',
  dataModel: 'ARRAY',
  accessControl: 'NODE-MATCH',
  maxCount: 4,
  maxSize: 100,
};

/** The overlay's document as its administrator signs it. */
function document(sequence: number, kinds = [PRIVATE_KIND]): Uint8Array {
  const listed = new Set([administrator.nodeId]);
  return writeDocument(
    {
      ...builtInDocument(OVERLAY),
      sequence,
      kinds: new Map([...builtInDocument(OVERLAY).kinds, ...kinds.map((kind) => [kind.id, kind] as const)]),
      configurationSigners: listed,
      kindSigners: listed,
    },
    { configuration: administrator.signer, kinds: administrator.signer },
  );
}

function temporaryFile(t: ExecutionContext, name: string, content: Uint8Array | string): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'p2psip-document-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const file = path.join(directory, name);
  writeFileSync(file, content);
  return file;
}

/** A client of the overlay in this process, which knows this document. */
async function startClient(t: ExecutionContext, bytes: Uint8Array, peer: GatewayProcess) {
  const identity = createSelfSignedIdentity(machine, { overlay: OVERLAY });
  const { overlayListen } = await peer.admin<{ overlayListen: string[] }>('/status');
  const port = Number(/:(\d+)$/.exec(overlayListen[0] ?? '')?.[1]);
  const node = new ReloadNode(
    { ...machine, kv: new MemoryKeyValueStore(), logger: silentLogger, metrics: noMetrics },
    {
      document: readDocument(bytes, OVERLAY),
      identity,
      trust: (current) => trustOfDocument(machine, current),
      listen: [{ host: '127.0.0.1', port: 0 }],
      bootstrap: [{ host: '127.0.0.1', port }],
      role: 'client',
    },
  );
  t.teardown(() => node.stop());
  await node.start();
  return { node, identity };
}

test('A34 A20 B6: two peers with a document file store a private Kind, and take its next version', async (t) => {
  const file = temporaryFile(t, 'overlay.xml', document(1));
  const overlay = { name: OVERLAY, document: file };
  const first = await startGateway(t, async (port) => ({
    overlay: { ...overlay, first: true, listen: [`tls://127.0.0.1:${await port()}`] },
    sip: { mode: 'off' },
  }));
  const { overlayListen } = await first.admin<{ overlayListen: string[] }>('/status');
  const configuration = async (port: () => Promise<number>) => ({
    overlay: { ...overlay, bootstrap: overlayListen, listen: [`tls://127.0.0.1:${await port()}`] },
    sip: { mode: 'off' },
  });
  const second = await startGateway(t, configuration);

  const writer = await startClient(t, document(1), first);
  const resource = nodeResource(writer.node.nodeId);
  const value = {
    index: 0,
    exists: true,
    value: Buffer.from('private'),
    lifetimeS: 600,
    storageTime: Date.now(),
  };
  await writer.node.store(resource, [{ kind: PRIVATE_KIND.id, values: [value] }], {
    signer: writer.identity,
  });
  const reader = await startClient(t, document(1), second);
  const fetched = async () => {
    const [found] = await reader.node.fetch(resource, [{ kind: PRIVATE_KIND.id }]);
    return found?.values.map((one) => Buffer.from(one.value.value).toString());
  };
  t.deepEqual(await fetched(), ['private']);

  // Somebody comes with the next document: it goes round, and nobody's request fails.
  const newer = await startClient(t, document(2), second);
  await newer.node.ping(second.nodeId);
  const sequenceOf = async (peer: GatewayProcess) =>
    (await peer.admin<{ configuration?: { sequence: number } }>('/status')).configuration?.sequence;
  await eventually('both peers have document 2', 10_000, async () => {
    t.deepEqual(await fetched(), ['private']);
    return (await sequenceOf(first)) === 2 && (await sequenceOf(second)) === 2;
  });
  t.regex((await cli('status', '--admin', second.adminUrl)).stdout, /^document +number 2$/m);

  // Kept over a restart, although the file still has document 1.
  await second.kill9();
  const again = await startGateway(t, configuration, { directory: second.directory });
  t.is(await sequenceOf(again), 2);
  t.is(await again.stop(), 0);
  t.is(await first.stop(), 0);
});

test('B31: a bad document ends `run` with exit 2 and one line, and the doctor says the same', async (t) => {
  const good = Buffer.from(document(1));
  const forged = Buffer.from(good.toString().replace('>true<', '>1<'));
  const file = temporaryFile(t, 'overlay.xml', forged);
  const yaml = `overlay: { name: ${OVERLAY}, document: ./overlay.xml, first: true, listen: 'tls://127.0.0.1:0' }
sip: { mode: 'off' }
admin: http://127.0.0.1:0
data: memory
`;
  const config = path.join(path.dirname(file), 'gateway.yaml');
  writeFileSync(config, yaml);
  const { code, stdout, stderr } = await run(process.execPath, [cliPath, 'run', '-c', config]);
  t.is(code, 2);
  t.is(stdout, '');
  t.regex(
    stderr,
    /^p2psip: .*gateway\.yaml: overlay\.document: .*signature.*; get the document again[^\n]*\n$/,
  );
  const doctor = await cli('doctor', '-c', config);
  t.regex(doctor.stdout, /overlay\.document.*signature/);
  writeFileSync(file, good);
  t.regex((await cli('doctor', '-c', config)).stdout, /overlay\.document.*number 1 and is properly signed/);
});
