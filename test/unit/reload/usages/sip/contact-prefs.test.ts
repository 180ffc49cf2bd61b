import test from 'ava';
import { contactPrefsOf, paramsOfContactPrefs } from '../../../../../src/reload/usages/sip/contact-prefs.ts';

const params = (entries: Record<string, string | true>) => new Map(Object.entries(entries));

/** RFC 3840 §5. */
const EXAMPLE = {
  mobility: 'fixed',
  events: '!presence,message-summary',
  language: 'en,de',
  description: '<PC>',
  '+sip.newparam': true,
  '+rangeparam': '#-4:+5.125',
} as const;

test('S2: ;audio;methods="INVITE,BYE" is a predicate', (t) => {
  t.is(
    contactPrefsOf([params({ audio: true, methods: 'INVITE,BYE' })]),
    '(& (sip.audio=TRUE) (| (sip.methods=INVITE) (sip.methods=BYE)))',
  );
  t.is(contactPrefsOf([params({ schemes: 'sip' })]), '(sip.schemes=sip)');
});

test('S2: the example of RFC 3840 §5 in both directions', (t) => {
  const predicate = contactPrefsOf([params(EXAMPLE)]);
  t.is(
    predicate,
    '(& (sip.mobility=fixed) (| (! (sip.events=presence)) (sip.events=message-summary)) ' +
      '(| (language=en) (language=de)) (sip.description="PC") (sip.newparam=TRUE) (rangeparam=-4..+5125/1000))',
  );
  const rfc = `(& (sip.mobility=fixed)
      (| (! (sip.events=presence)) (sip.events=message-summary))
      (| (language=en) (language=de))
      (sip.description="PC")
      (sip.newparam=TRUE)
      (rangeparam=-4..5125/1000))`;
  const expected = { ...EXAMPLE, '+rangeparam': '#-4:5.125' };
  t.deepEqual(Object.fromEntries(paramsOfContactPrefs(rfc)), expected);
  t.deepEqual(Object.fromEntries(paramsOfContactPrefs(predicate)), expected);
});

test('S2: what several phones can do is joined, what is no feature is left out', (t) => {
  const prefs = contactPrefsOf([
    params({
      audio: true,
      methods: 'INVITE',
      q: '0.5',
      expires: '60',
      '+sip.instance': '<urn:uuid:1>',
      'reg-id': '1',
    }),
    params({ video: true, methods: 'MESSAGE, INVITE', unknown: 'x' }),
  ]);
  t.is(prefs, '(& (sip.audio=TRUE) (| (sip.methods=INVITE) (sip.methods=MESSAGE)) (sip.video=TRUE))');
  t.is(contactPrefsOf([]), '');
  t.is(contactPrefsOf([params({ q: '1' })]), '');
});

test('S2: values that break the grammar are left out, never passed on', (t) => {
  t.is(contactPrefsOf([params({ audio: true, methods: 'a)(b', class: '' })]), '(sip.audio=TRUE)');
  t.is(contactPrefsOf([params({ description: '<a"b>' })]), '');
});

test('S2: numeric comparisons', (t) => {
  const prefs = contactPrefsOf([params({ priority: '#>=5,#=3.5' })]);
  t.is(prefs, '(| (sip.priority>=5) (sip.priority=35/10))');
  t.deepEqual(Object.fromEntries(paramsOfContactPrefs(prefs)), { priority: '#>=5,#=3.5' });
});

test('S2: no predicate but a conjunction of terms about one tag each is read', (t) => {
  t.is(paramsOfContactPrefs('').size, 0);
  t.is(paramsOfContactPrefs('  ').size, 0);
  for (const bad of [
    'audio',
    '(',
    '(sip.audio',
    '(sip.audio=TRUE',
    '(sip.audio=TRUE))',
    '(sip.audio=)',
    '(| (sip.audio=TRUE) (sip.video=TRUE))',
    '(& (sip.audio=TRUE) (sip.audio=FALSE))',
    '(& (& (sip.audio=TRUE)))',
    '(! (! (sip.audio=TRUE)))',
    '(sip.priority=1..x)',
    '(sip.priority>=1/0)',
    `(& ${'(sip.audio=TRUE) '.repeat(400)})`,
    '('.repeat(4000),
  ]) {
    t.throws(() => paramsOfContactPrefs(bad), { code: 'bad-contact-prefs' }, bad.slice(0, 60));
  }
});
