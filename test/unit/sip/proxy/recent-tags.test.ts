import test from 'ava';
import { RecentTags } from '../../../../src/sip/proxy/recent-tags.ts';

test('the tag of a text is computed once while it is wanted, and never more than 4,096 are kept', (t) => {
  let computed = 0;
  const tags = new RecentTags((text) => {
    computed += 1;
    return `tag of ${text}`;
  });
  t.is(tags.of('a'), 'tag of a');
  t.is(tags.of('a'), 'tag of a');
  t.is(computed, 1);
  for (let n = 0; n < 3000; n += 1) tags.of(`other ${n}`);
  tags.of('a');
  t.is(computed, 3001);
  for (let n = 0; n < 4096; n += 1) tags.of(`another ${n}`);
  tags.of('a');
  t.is(computed, 3001 + 4096 + 1);
});
