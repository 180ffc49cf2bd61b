import test from 'ava';
import { digestHa1, digestResponse, formatChallenge } from '../../../../src/sip/auth/digest.ts';
import { parseDigestCredentials, realmOf } from '../../../../src/sip/auth/digest-credentials.ts';

const EXAMPLE = {
  method: 'GET',
  uri: '/dir/index.html',
  nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
  qop: { value: 'auth', nc: '00000001', cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ' },
};

test('RFC 7616 §3.9.1: the example, with MD5 and with SHA-256', (t) => {
  for (const [algorithm, expected] of [
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ] as const) {
    const ha1 = digestHa1(algorithm, 'Mufasa', 'http-auth@example.org', 'Circle of Life');
    t.is(digestResponse(ha1, { ...EXAMPLE, algorithm }), expected);
  }
});

test('RFC 2617 §3.2.2.1: without qop, as old clients do', (t) => {
  const ha1 = digestHa1('MD5', 'Mufasa', 'testrealm@host.com', 'Circle Of Life');
  const input = { algorithm: 'MD5', method: 'GET', uri: '/dir/index.html', qop: undefined } as const;
  t.is(
    digestResponse(ha1, { ...input, nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093' }),
    '670fd8c2df070c60b045671b8b24ff02',
  );
});

test('credentials are read as phones write them', (t) => {
  const baresip =
    'Digest username="alice", realm="example.org", nonce="abc", uri="sip:example.org;transport=udp", ' +
    'response="0123456789ABCDEF0123456789ABCDEF", opaque="", cnonce="c,\\"1", qop=auth, nc=0000000a, algorithm=MD5';
  t.deepEqual(parseDigestCredentials(baresip), {
    username: 'alice',
    realm: 'example.org',
    nonce: 'abc',
    uri: 'sip:example.org;transport=udp',
    response: '0123456789abcdef0123456789abcdef',
    algorithm: 'MD5',
    qop: { value: 'auth', nc: '0000000a', cnonce: 'c,"1' },
  });
  const quotedQop = 'digest username=a,realm=r,nonce=n,uri=u,response=x,qop="auth",nc=00000001,cnonce=""';
  t.is(parseDigestCredentials(quotedQop)?.qop?.value, 'auth');
  t.is(parseDigestCredentials(baresip)?.qop?.nc, '0000000a');
  for (const broken of [
    'Basic YWxpY2U6c2VjcmV0',
    'Digest',
    'Digest username="alice"',
    baresip.replace('nc=0000000a', 'nc=a'),
    baresip.replace('qop=auth', 'qop=auth-int'),
    baresip.replace('algorithm=MD5', 'algorithm=MD5-sess'),
  ]) {
    t.is(parseDigestCredentials(broken), undefined, broken);
  }
  t.is(realmOf(baresip), 'example.org');
  t.is(realmOf('Digest username="realm=x", realm = other'), 'other');
});

test('a challenge is written as RFC 7616 §3.3 says', (t) => {
  const challenge = { realm: 'example.org', nonce: 'n', algorithm: 'MD5', stale: true } as const;
  t.is(
    formatChallenge(challenge),
    'Digest realm="example.org", nonce="n", algorithm=MD5, qop="auth", stale=true',
  );
  t.false(formatChallenge({ ...challenge, stale: false }).includes('stale'));
});
