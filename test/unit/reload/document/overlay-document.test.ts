import { createHash } from 'node:crypto';
import test from 'ava';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import { builtInDocument } from '../../../../src/reload/document/overlay-document.ts';

test('the built-in document is a function of the overlay name, as the architecture fixes it', (t) => {
  const document = builtInDocument('example.org');
  t.deepEqual(builtInDocument('example.org'), document);
  t.is(document.overlayHash, createHash('sha1').update('example.org').digest().readUInt32BE(16));
  t.is(document.sequence, 0);
  t.is(document.topologyPlugin, 'CHORD-RELOAD');
  t.is(document.nodeIdLength, 16);
  t.deepEqual(document.selfSignedPermitted, { digest: 'sha256' });
  t.true(document.noIce);
  t.deepEqual(document.linkProtocols, ['TLS-TCP-FH-NO-ICE']);
  t.is(document.initialTtl, 100);
  t.is(document.reliabilityTimerMs, 3000);
  t.deepEqual(document.chord, { updateInterval: 600, pingInterval: 3600, reactive: true });
  t.is(document.maxMessageSize, 65_536);
  t.is(document.kindSigners.size + document.configurationSigners.size, 0);
});

test('S1 T5 B24 B25: the built-in Kinds have the registered data models and access controls', (t) => {
  const { kinds } = builtInDocument('example.org');
  const shape = (id: number) => {
    const kind = kinds.get(id);
    return [kind?.name, kind?.dataModel, kind?.accessControl];
  };
  t.is(kinds.size, 5);
  t.deepEqual(shape(Kind.SIP_REGISTRATION), ['SIP-REGISTRATION', 'DICTIONARY', 'USER-NODE-MATCH']);
  t.is(kinds.get(Kind.SIP_REGISTRATION)?.maxCount, 32);
  t.deepEqual(shape(Kind.TURN_SERVICE), ['TURN-SERVICE', 'SINGLE', 'NODE-MULTIPLE']);
  t.is(kinds.get(Kind.TURN_SERVICE)?.maxNodeMultiple, 20);
  t.deepEqual(shape(Kind.CERTIFICATE_BY_NODE), ['CERTIFICATE_BY_NODE', 'ARRAY', 'NODE-MATCH']);
  t.deepEqual(shape(Kind.CERTIFICATE_BY_USER), ['CERTIFICATE_BY_USER', 'ARRAY', 'USER-MATCH']);
  t.deepEqual(shape(0xf0000010), ['SIP-PEER-ADDRESS', 'SINGLE', 'NODE-MATCH']);
  t.is(kinds.get(0xf0000010)?.maxSize, 512);
});
