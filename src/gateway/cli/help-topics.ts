/** What `p2psip help TOPIC` says besides the help of commands: short, for somebody without the documents at hand. */
export const TOPICS: Readonly<Record<string, { readonly about: string; readonly text: string }>> = {
  config: {
    about: 'the configuration file, shortest first',
    text: `A peer needs a name for its overlay, and either first: true or somebody to join through:

  overlay: { name: example.org, first: true }       # the peer that starts the overlay
  overlay: { name: example.org, bootstrap: [tls://192.0.2.7:6084] }   # all others
  users: ./users.yaml                               # users: [{aor: alice@example.org, password: ...}]

Beyond this host also:

  overlay.listen: [tls://192.0.2.7:6084]      links from other peers
  overlay.sip-link: 6085                      calls from other peers; open both ports between peers
  overlay.shared-secret-file: ./secret        who may join (or allow: [NODE-ID, ...], or a document)
  sip.listen: [udp://192.0.2.7:5060, tcp://192.0.2.7:5060]

Any key can be laid over: --set sip.mode=redirect. Relative paths are relative to the file.
p2psip doctor -c FILE says what is wrong. Every key: docs/operations.md, "Every key".`,
  },
  phones: {
    about: 'what to enter in a phone',
    text: `  user, authentication name   alice                (of alice@example.org in the users file)
  password                    as in the users file, or the account at the enrollment server
  domain, SIP server          example.org          (overlay.name, or the first of sip.domains)
  outbound proxy              192.0.2.7:5060       (sip.listen of any peer; not needed where DNS leads there)
  transport                   UDP, TCP or TLS as in sip.listen; wss://HOST for browsers

A phone that cannot be given a proxy registers as alice@192.0.2.7:5060.
Settings of common phones: docs/phones.md.`,
  },
  ports: {
    about: 'what to open in a firewall',
    text: `  from      to                     port                      what
  peers     overlay.listen         TCP 6084                  links
  peers     overlay.sip-link       TCP, 0 = any: fix it      calls between peers
  phones    sip.listen             UDP/TCP 5060, TCP 5061    SIP
  phones    each other             UDP, the phones' own      media; or rtpengine's ports (media: nat)
  you       admin                  TCP 8060, loopback        status, metrics, console
  local net 224.0.0.251, ff02::fb  UDP 5353                  peers find each other (local-discovery)`,
  },
  exit: {
    about: 'exit codes and signals',
    text: `  0  done
  1  the operation failed: not found, nobody answers, a check of the doctor failed
  2  wrong use or wrong configuration: one line names the file, the path in it, and the mend

SIGTERM, SIGINT: withdraw our records, leave the overlay, exit 0. A second one ends at once.
SIGHUP: read users, sip.allow, sip.expires, sip.max-contacts, log.level and certificates again.`,
  },
  trouble: {
    about: 'the first five things to look at',
    text: `  p2psip doctor -c FILE          what is wrong with the configuration and this host
  p2psip status                  state joined? whose neighbours?
  p2psip registrations           is the phone registered here?
  p2psip trace bob@example.org   the way to bob's record, and who serves him
  p2psip run ... --trace t.pcapng   every SIP and RELOAD message, for Wireshark

By symptom: docs/troubleshooting.md.`,
  },
};
