import test from 'ava';
import { parseUri } from '../../../../src/sip/message/uri.ts';
import { isReachedByFlow } from '../../../../src/sip/registrar/flow-choice.ts';
import type { TransportName } from '../../../../src/sip/transport/flow.ts';
import { FakeFlow, request } from './messages.ts';

interface Case {
  transport: TransportName;
  via: string;
  contact: string;
  outbound?: boolean;
  more?: string;
  byFlow: boolean;
}

const DIRECT = '192.0.2.9:5060';

const cases: Record<string, Case> = {
  'WebSocket: always': {
    transport: 'WSS',
    via: 'df7jal23ls0d.invalid',
    contact: 'sip:a@x.invalid;transport=ws',
    byFlow: true,
  },
  'UDP without NAT: at the Contact': {
    transport: 'UDP',
    via: DIRECT,
    contact: 'sip:a@192.0.2.9:5060',
    byFlow: false,
  },
  'UDP, default port in Via': {
    transport: 'UDP',
    via: '192.0.2.9',
    contact: 'sip:a@192.0.2.9',
    byFlow: false,
  },
  'UDP, NAT changed the port': {
    transport: 'UDP',
    via: '192.0.2.9:5062',
    contact: 'sip:a@192.0.2.9',
    byFlow: true,
  },
  'UDP, NAT changed the host': {
    transport: 'UDP',
    via: '192.168.1.10',
    contact: 'sip:a@192.168.1.10',
    byFlow: true,
  },
  'UDP, outbound': {
    transport: 'UDP',
    via: DIRECT,
    contact: 'sip:a@192.0.2.9',
    outbound: true,
    byFlow: true,
  },
  'TCP, Contact over TCP': {
    transport: 'TCP',
    via: '192.0.2.9',
    contact: 'sip:a@192.0.2.9;transport=TCP',
    byFlow: true,
  },
  'TCP, Contact over UDP': { transport: 'TCP', via: '192.0.2.9', contact: 'sip:a@192.0.2.9', byFlow: false },
  'TLS, Contact over TLS': {
    transport: 'TLS',
    via: '192.0.2.9',
    contact: 'sip:a@192.0.2.9;transport=tls',
    byFlow: true,
  },
  'TLS, sips Contact': { transport: 'TLS', via: '192.0.2.9', contact: 'sips:a@192.0.2.9', byFlow: true },
  "another proxy's Via in between": {
    transport: 'TCP',
    via: '192.0.2.9;branch=z9hG4bKx, SIP/2.0/UDP 10.0.0.1',
    contact: 'sip:a@10.0.0.1;transport=tcp',
    outbound: true,
    byFlow: false,
  },
  'a Path in between': {
    transport: 'UDP',
    via: '192.168.1.10',
    contact: 'sip:a@10.0.0.1',
    more: 'Path: <sip:edge.example;lr>',
    byFlow: false,
  },
};

for (const [name, { transport, via, contact, outbound = false, more = '', byFlow }] of Object.entries(
  cases,
)) {
  test(`architecture "Flows": ${name}: ${byFlow ? 'the flow' : 'the Contact'}`, (t) => {
    const message = request(`REGISTER sip:example.org SIP/2.0
      Via: SIP/2.0/${transport} ${via};branch=z9hG4bK1
      From: <sip:a@example.org>;tag=1
      To: <sip:a@example.org>
      Call-ID: c1
      CSeq: 1 REGISTER
      ${more}`);
    t.is(isReachedByFlow(message, new FakeFlow(transport, DIRECT), parseUri(contact), outbound), byFlow);
  });
}
