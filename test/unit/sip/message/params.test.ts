import test from 'ava';
import fc from 'fast-check';
import { headerKey, headerKeyAt } from '../../../../src/sip/message/header-names.ts';
import { Params, parseParams } from '../../../../src/sip/message/params.ts';

test('RFC 3261 §7.3.1: parameters are found by name, few or many, and the first one of a name counts', (t) => {
  const names = fc.array(fc.stringMatching(/^[a-z]{1,2}$/), { maxLength: 60 });
  fc.assert(
    fc.property(names, (written) => {
      const expected = new Map<string, string>();
      for (const [at, name] of written.entries()) if (!expected.has(name)) expected.set(name, String(at));
      const params = parseParams(written.map((name, at) => `;${name}=${at}`).join(''), 0);
      t.deepEqual([...params], [...expected]);
      t.is(params.size, expected.size);
      for (const [name, value] of expected) t.is(params.get(name), value);
      t.false(params.has('absent'));
    }),
  );
});

test('twenty thousand parameters take no time that grows with their square', (t) => {
  const text = Array.from({ length: 20_000 }, (_, at) => `;${at.toString(36)}`).join('');
  const began = performance.now();
  const params = parseParams(text, 0);
  for (const [name] of params) params.get(name);
  t.is(params.size, 20_000);
  t.true(performance.now() - began < 1000, 'a comparison of each with each takes several times as long');
});

test('copies with and without a parameter keep the order of the others', (t) => {
  const params = new Params(['branch', 'z9hG4bKa', 'rport', true]);
  t.is(
    String(params.with('rport', '5060').with('received', '192.0.2.1')),
    ';branch=z9hG4bKa;rport=5060;received=192.0.2.1',
  );
  t.is(String(params.without(['branch'])), ';rport');
  t.is(String(params), ';branch=z9hG4bKa;rport');
});

test('RFC 3261 §7.3.3: a header name within a text has the key that it has by itself', (t) => {
  const name = fc.oneof(
    fc.constantFrom(
      'Via',
      'via',
      'v',
      'V',
      'To',
      'CSeq',
      'CSEQ',
      'Content-Length',
      'X-Unknown',
      'Max-Forwards',
    ),
    fc.string({ minLength: 1, maxLength: 20 }),
  );
  fc.assert(
    fc.property(fc.string(), name, fc.string(), (before, own, after) => {
      const text = before + own + after;
      t.is(headerKeyAt(text, before.length, before.length + own.length), headerKey(own));
    }),
  );
});
