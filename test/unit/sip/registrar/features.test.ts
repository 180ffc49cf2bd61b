import test from 'ava';
import { parseParams } from '../../../../src/sip/message/params.ts';
import { featuresOf, matches, score } from '../../../../src/sip/registrar/features.ts';

const features = (text: string) => featuresOf(parseParams(text, 0));

test('RFC 3841 §7.2.1: base tags and names with a plus are features, other parameters are not', (t) => {
  const found = features(
    ';audio;q=0.5;expires=60;reg-id=1;+sip.message="TRUE";methods="INVITE,BYE";other-param=1',
  );
  t.deepEqual([...found.keys()], ['audio', '+sip.message', 'methods']);
});

test('RFC 3840 §5: of a set with very many values the first 64 count, over all its features', (t) => {
  const values = (name: string, count: number) =>
    `;+${name}="${Array.from({ length: count }, (_, index) => `v${index}`).join(',')}"`;
  const found = features(values('a', 40) + values('b', 40) + values('c', 40));
  t.deepEqual(
    [...found].map(([name, filters]) => [name, filters.length]),
    [
      ['+a', 40],
      ['+b', 24],
    ],
  );
});

const cases: [wanted: string, had: string, match: boolean][] = [
  [';audio', ';audio', true],
  [';audio', ';audio="TRUE"', true],
  [';audio', ';audio="FALSE"', false],
  [';audio', ';video', true],
  [';audio="!FALSE"', ';audio', true],
  [';audio="!TRUE"', ';audio', false],
  [';methods="BYE"', ';methods="INVITE,bye"', true],
  [';methods="PUBLISH,BYE"', ';methods="INVITE,BYE"', true],
  [';methods="PUBLISH"', ';methods="INVITE,BYE"', false],
  [';mobility="!mobile"', ';mobility="fixed"', true],
  [';mobility="!mobile"', ';mobility="!fixed"', true],
  [';priority="#>=20"', ';priority="#30"', false],
  [';priority="#>=20"', ';priority="#=10"', false],
  [';priority="#>=20"', ';priority="#=20"', true],
  [';priority="#10:20"', ';priority="#<=9.5"', false],
  [';priority="#10:20"', ';priority="#15:30"', true],
  [';priority="!#10:20"', ';priority="#12:18"', false],
  [';priority="!#10:20"', ';priority="#12:28"', true],
  [';+sip.foo="<Value>"', ';+sip.foo="<Value>"', true],
  [';+sip.foo="<Value>"', ';+sip.foo="<value>"', false],
  [';+sip.foo="<a,b>"', ';+sip.foo="<a,b>"', true],
  [';+sip.foo="value"', ';+sip.foo="VALUE"', true],
  [';+sip.foo="1"', ';+sip.foo="#=1"', false],
];

test('RFC 2533 §4, RFC 3841 §7.2.4: what matches what; a number without a relation is no number', (t) => {
  for (const [wanted, had, match] of cases) {
    t.is(matches(features(wanted), features(had)), match, `${wanted} of ${had}`);
    t.is(matches(features(had), features(wanted)), match, `${had} of ${wanted}`);
  }
});

test('RFC 3841 §7.2.4: the score is the share of wanted features that are mentioned at all', (t) => {
  t.is(score(features(';audio;video'), features(';audio')), 0.5);
  t.is(score(features(';audio;video'), features(';audio="FALSE";video')), 1);
  t.is(score(features(';class="business";methods="BYE"'), features(';audio')), 0);
});
