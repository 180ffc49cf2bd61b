import test from 'ava';
import fc from 'fast-check';
import type { Binding } from '../../../../src/sip/registrar/binding.ts';
import { decodeBindings, encodeBindings } from '../../../../src/sip/registrar/binding-codec.ts';

const AOR = 'alice@example.org';

/** Header text as the parser lets it through: any octet but those that end a line. */
const headerText = fc
  .array(
    fc.integer({ min: 0, max: 255 }).filter((octet) => octet !== 10 && octet !== 13),
    { maxLength: 40 },
  )
  .map((octets) => String.fromCharCode(...octets));

const address = fc.record({ host: fc.constantFrom('192.0.2.9', '2001:db8::9'), port: fc.nat(65535) });

const binding = fc.record({
  aor: fc.constant(AOR),
  contact: headerText,
  params: headerText,
  q: fc.constantFrom(0, 0.25, 0.999, 1),
  instance: fc.option(
    headerText.map((text) => `"${text}"`),
    { nil: undefined },
  ),
  regId: fc.option(fc.integer({ min: 1, max: 9_999_999_999 }), { nil: undefined }),
  expiresAt: fc.nat(2 ** 50),
  updatedAt: fc.double({ min: 0, max: 2 ** 50, noNaN: true }),
  callId: headerText,
  cseq: fc.nat(2 ** 31 - 1),
  path: fc.array(headerText, { maxLength: 3 }),
  transport: fc.constantFrom('UDP' as const, 'TCP' as const, 'TLS' as const, 'WS' as const, 'WSS' as const),
  source: address,
  local: address,
  byFlow: fc.boolean(),
  gruuSeries: fc.option(fc.nat(2 ** 48 - 1), { nil: undefined }),
  flow: fc.constant(undefined),
});

test('A13: bindings come back as they were, whatever octets the phone sent', (t) => {
  fc.assert(
    fc.property(fc.array(binding, { minLength: 1, maxLength: 4 }), (bindings: Binding[]) => {
      t.deepEqual(decodeBindings(AOR, encodeBindings(bindings)), bindings);
    }),
  );
});

test('A13: bindings cut off anywhere are refused, not read as other ones', (t) => {
  const [first, second] = fc.sample(binding, { numRuns: 2, seed: 1 });
  const whole = encodeBindings([first!, second!]);
  const firstOnly = encodeBindings([first!]).length;
  for (let length = 0; length < whole.length; length += 1) {
    const prefix = whole.subarray(0, length);
    if (length === firstOnly) t.deepEqual(decodeBindings(AOR, prefix), [first]);
    else t.throws(() => decodeBindings(AOR, prefix), { instanceOf: TypeError }, `${length} bytes`);
  }
});
