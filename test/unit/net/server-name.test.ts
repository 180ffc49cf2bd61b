import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { proves } from '../../../src/net/server-name.ts';

// By `openssl req -x509 -subj /CN=common.example -addext subjectAltName=…`.

const certificate = (base64: string) => new X509Certificate(Buffer.from(base64, 'base64'));

/** URI:sip:Example.org, URI:sips:secure.example, URI:sip:alice@user.example, DNS:proxy.example, IP:192.0.2.1 */
const withSipUri = certificate(
  'MIIB6DCCAY+gAwIBAgIUOPVFHu3JNPocVkxyqllETUGHXZAwCgYIKoZIzj0EAwIwGTEXMBUGA1UEAwwOY29tbW9uLmV4YW1wbGUwIBcNMjYxMTI1MDkzMTI1WhgPMjEyNjExMDEwOTMxMjVaMBkxFzAVBgNVBAMMDmNvbW1vbi5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEIG27qmfd/F1cJANHhfvHMCYv7AacAS1D1EiXuIqQftIJRVazeepVpCjub0Uur5GvVmFIAfAt4r8C+AA/AeHuMKOBsjCBrzAdBgNVHQ4EFgQUaQt89C7a+bnxQfC4vgunXGryhd4wHwYDVR0jBBgwFoAUaQt89C7a+bnxQfC4vgunXGryhd4wDwYDVR0TAQH/BAUwAwEB/zBcBgNVHREEVTBThg9zaXA6RXhhbXBsZS5vcmeGE3NpcHM6c2VjdXJlLmV4YW1wbGWGFnNpcDphbGljZUB1c2VyLmV4YW1wbGWCDXByb3h5LmV4YW1wbGWHBMAAAgEwCgYIKoZIzj0EAwIDRwAwRAIgb90kaWvn+l8g4dFC55xaT9KLghlvhq7aFoVS+VU52EgCIDavZxI8ighKg4FeRMZMDL9WtG0mmgpZtwRg/w90JLQq',
);
/** DNS:proxy.example, DNS:*.wild.example, URI:sips:secure.example */
const withDnsNames = certificate(
  'MIIByjCCAXCgAwIBAgIUXAhQsUHqqKxRTLEjH/DbT/92HdgwCgYIKoZIzj0EAwIwGTEXMBUGA1UEAwwOY29tbW9uLmV4YW1wbGUwIBcNMjYxMTI1MDkzMTI1WhgPMjEyNjExMDEwOTMxMjVaMBkxFzAVBgNVBAMMDmNvbW1vbi5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEIG27qmfd/F1cJANHhfvHMCYv7AacAS1D1EiXuIqQftIJRVazeepVpCjub0Uur5GvVmFIAfAt4r8C+AA/AeHuMKOBkzCBkDAdBgNVHQ4EFgQUaQt89C7a+bnxQfC4vgunXGryhd4wHwYDVR0jBBgwFoAUaQt89C7a+bnxQfC4vgunXGryhd4wDwYDVR0TAQH/BAUwAwEB/zA9BgNVHREENjA0gg1wcm94eS5leGFtcGxlgg4qLndpbGQuZXhhbXBsZYYTc2lwczpzZWN1cmUuZXhhbXBsZTAKBggqhkjOPQQDAgNIADBFAiBpwcZiQc+fOmFes3hEXbVSPAJvE8edyfttemAflKH6NwIhAK9j2sJAmVHPkZcviNS2N0yhtd6/I7Q9/tScLt41rHY6',
);
const withCommonName = certificate(
  'MIIBiTCCAS+gAwIBAgIUPAv1nlp/cd/1xQMwQsfdJU2Jup4wCgYIKoZIzj0EAwIwGTEXMBUGA1UEAwwOY29tbW9uLmV4YW1wbGUwIBcNMjYxMTI1MDkzMTI1WhgPMjEyNjExMDEwOTMxMjVaMBkxFzAVBgNVBAMMDmNvbW1vbi5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEIG27qmfd/F1cJANHhfvHMCYv7AacAS1D1EiXuIqQftIJRVazeepVpCjub0Uur5GvVmFIAfAt4r8C+AA/AeHuMKNTMFEwHQYDVR0OBBYEFGkLfPQu2vm58UHwuL4Lp1xq8oXeMB8GA1UdIwQYMBaAFGkLfPQu2vm58UHwuL4Lp1xq8oXeMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAINPjDI42Qp8cs2gh20/nMOrpqeieGL7juBkFRtpUdVMAiBlhM1FNdTc0hK7vmoRnaTfN9uyGZ9PMkErOjp1jd7cjA==',
);

test('RFC 5922 §7.1: where a SIP URI names the domain, no DNS name counts; sips and users’ URIs name none', (t) => {
  t.true(proves(withSipUri, 'example.org'));
  for (const name of ['proxy.example', 'secure.example', 'user.example', 'common.example', 'org'])
    t.false(proves(withSipUri, name), name);
  t.true(proves(withSipUri, '192.0.2.1'));
  t.false(proves(withSipUri, '192.0.2.2'));
});

test('RFC 5922 §7.1, §7.2: DNS names count as a whole and in any case, wildcards and the common name beside them never', (t) => {
  t.true(proves(withDnsNames, 'Proxy.Example'));
  for (const name of ['a.wild.example', 'secure.example', 'common.example', 'example'])
    t.false(proves(withDnsNames, name), name);
});

test('RFC 5922 §7.1: the common name counts where there is no other name', (t) => {
  t.true(proves(withCommonName, 'common.example'));
  t.false(proves(withCommonName, 'proxy.example'));
});
