import test from 'ava';
import type { DocumentError } from '../../../../src/reload/document/document-error.ts';
import { readDocument } from '../../../../src/reload/document/document-reader.ts';
import { writeDocument } from '../../../../src/reload/document/document-writer.ts';
import { admitsDomain, type DomainRestriction } from '../../../../src/reload/document/domain-restriction.ts';
import { documentWith } from './support.ts';

/** Read from a document of the overlay example.org. */
function kindsWith(domainRestriction: DomainRestriction | undefined) {
  const document = documentWith({ name: 'example.org', domainRestriction });
  return readDocument(Buffer.from(writeDocument(document))).kinds;
}

const admitted = (restriction: DomainRestriction | undefined, domains: string[]) =>
  domains.filter((domain) => admitsDomain(kindsWith(restriction), domain));

test('S4: without the element any domain has users', (t) => {
  t.deepEqual(admitted(undefined, ['example.org', 'else.example']), ['example.org', 'else.example']);
});

test('S4: not enabled, only the overlay’s own domain has users', (t) => {
  const domains = [
    'example.org',
    'EXAMPLE.org',
    'sub.example.org',
    'else.example',
    'example.org.evil.example',
  ];
  t.deepEqual(admitted({ enabled: false, patterns: [] }, domains), ['example.org', 'EXAMPLE.org']);
  t.deepEqual(admitted({ enabled: false, patterns: ['.*'] }, domains), ['example.org', 'EXAMPLE.org']);
});

test('S4: enabled, a domain must be what one of the patterns stands for, as a whole', (t) => {
  // The example of RFC 7904 §3.4.
  const restriction = { enabled: true, patterns: ['dht\\.example\\.com', '.*\\.my\\.example'] };
  const domains = ['dht.example.com', 'DHT.example.com', 'a.my.example', 'a.b.my.example'];
  t.deepEqual(admitted(restriction, domains), domains);
  const others = [
    'example.org',
    'my.example',
    'dhtxexample.com',
    'dht.example.com.evil.example',
    'x-dht.example.com',
  ];
  t.deepEqual(admitted(restriction, others), []);
  t.deepEqual(admitted({ enabled: true, patterns: [] }, ['example.org']), []);
});

test('S4: POSIX extended regular expressions', (t) => {
  const patterns = ['[[:alpha:]]+[0-9]{2}\\.(net|org)', '^site-[^-.]+\\.example$'];
  const domains = ['abc12.net', 'abc1.net', 'abc12.com', 'site-a.example', 'site-a-b.example'];
  t.deepEqual(admitted({ enabled: true, patterns }, domains), ['abc12.net', 'site-a.example']);
});

test('S4: what nothing can be matched with is refused with the document, and no pattern takes long', (t) => {
  const refused = (patterns: string[]) =>
    t.throws<DocumentError>(() => kindsWith({ enabled: true, patterns }), { code: 'document-invalid' })
      .message;
  t.regex(refused(['a(b']), /domain-restriction/);
  t.regex(refused(['a'.repeat(256)]), /255 characters/);
  t.regex(refused(Array<string>(65).fill('a')), /64 patterns/);
  t.deepEqual(admitted({ enabled: true, patterns: ['(a*)*b'] }, ['a'.repeat(250)]), []);
});
