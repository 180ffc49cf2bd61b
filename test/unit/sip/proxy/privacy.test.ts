import test from 'ava';
import { refusesPrivacy, unmetPrivacy, wantsPrivacy } from '../../../../src/sip/proxy/privacy.ts';
import { answer } from '../registrar/messages.ts';

const asking = (value: string) => answer(200, `Privacy: ${value}`);

test('RFC 3325 §7: id, user and header are about who somebody is; none forbids to help him', (t) => {
  for (const value of ['id', 'ID;critical', 'user', 'session; header', 'session,id']) {
    t.true(wantsPrivacy(asking(value)), value);
  }
  for (const value of ['none', 'session', 'critical', 'identity', '', 'id;none']) {
    t.false(wantsPrivacy(asking(value)), value);
  }
  t.false(wantsPrivacy(answer(200)));
  t.true(refusesPrivacy(asking('None')));
});

test('RFC 3323 §5: what is critical and beyond a proxy', (t) => {
  t.deepEqual(unmetPrivacy(asking('header;id;critical;session')), ['header', 'session']);
  t.deepEqual(unmetPrivacy(asking('header;id')), []);
  t.deepEqual(unmetPrivacy(asking('id;critical')), []);
});
