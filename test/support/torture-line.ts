import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { formatSip, header, parseSip, statusOf } from './sip-text.ts';
import { eventually } from './wait.ts';

export interface TortureTarget {
  readonly transport: 'udp' | 'tcp';
  readonly port: number;
  /** Of the gateway. Default 127.0.0.1. */
  readonly host?: string;
  /** Loopback address to send from: one a message, so that late answers to another are not taken for its own. */
  readonly from: string;
}

/** What came back for one message. */
export interface TortureOutcome {
  /** The final response, whole; undefined: none came. */
  readonly answer: string | undefined;
  /** The gateway closed the connection. */
  readonly closed: boolean;
}

/** How it is known that all that will come has come. */
export type Patience =
  /** A final response comes. */
  | 'answer'
  /** A final response comes, and the connection is closed behind it. */
  | 'answer-and-close'
  /** Nothing comes: what was to be answered is answered before a request that is sent behind it. */
  | 'silence'
  /** Nothing comes, and nothing can be sent behind it, because it would be taken for its rest. */
  | 'unfinished'
  /** The connection is closed. */
  | 'close';

interface Line {
  readonly received: string[];
  send(data: Buffer): void;
  isClosed(): boolean;
  end(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
const LIMIT_MS = 10_000;
const PROBE = 'probe-behind-a-torture-message';

/** Sends one message as it is, and waits for what comes of it. @throws Error when it does not come within 10 s */
export async function sendTorture(
  target: TortureTarget,
  message: Buffer,
  patience: Patience,
): Promise<TortureOutcome> {
  const line = target.transport === 'udp' ? await openUdp(target, message) : await openTcp(target);
  const answer = () => line.received.find((text) => !isProbe(text) && statusOf(parseSip(text)) >= 200);
  const startLine = message.toString('latin1', 0, message.indexOf('\r\n'));
  line.send(message);
  try {
    if (patience === 'answer' || patience === 'answer-and-close') {
      await eventually(
        `an answer to ${startLine}`,
        LIMIT_MS,
        () => answer() !== undefined || line.isClosed(),
      );
    }
    if (patience === 'silence') {
      line.send(probe(target));
      await eventually(
        `an answer behind ${startLine}`,
        LIMIT_MS,
        () => line.received.some(isProbe) || line.isClosed(),
      );
    }
    if (patience === 'answer-and-close' || patience === 'close') {
      await eventually(`the end of the connection after ${startLine}`, LIMIT_MS, () => line.isClosed());
    }
    return { answer: answer(), closed: line.isClosed() };
  } finally {
    await line.end();
  }
}

/** RFC 3261 §18.2.2: without rport the answer comes to the port that the Via names. */
async function openUdp({ port, host = LOOPBACK, from }: TortureTarget, message: Buffer): Promise<Line> {
  const received: string[] = [];
  const socket = dgram.createSocket(net.isIPv6(from) ? 'udp6' : 'udp4');
  socket.on('message', (data) => received.push(data.toString('latin1')));
  socket.bind(viaPort(message), from);
  await once(socket, 'listening');
  return {
    received,
    send: (data) => socket.send(data, port, host),
    isClosed: () => false,
    end: async () => {
      socket.close();
    },
  };
}

async function openTcp({ port, host = LOOPBACK, from }: TortureTarget): Promise<Line> {
  const received: string[] = [];
  let closed = false;
  const socket = net.connect({ port, host, localAddress: from });
  socket.on('error', () => {});
  socket.on('end', () => {
    closed = true;
  });
  let text = '';
  socket.on('data', (data) => {
    text += data.toString('latin1');
    // None of the answers has a body but the callee's, which has none either.
    const parts = text.split('\r\n\r\n');
    text = parts.pop() ?? '';
    received.push(...parts.map((part) => `${part}\r\n\r\n`));
  });
  await once(socket, 'connect');
  return {
    received,
    send: (data) => socket.write(data),
    isClosed: () => closed,
    end: async () => {
      const over = socket.closed ? undefined : once(socket, 'close');
      socket.end();
      await over;
    },
  };
}

function viaPort(message: Buffer): number {
  const via = /^(?:via|v)\s*:[^\r\n;]*?(?:\]|[\w.-])(?::(\d+))\s*(?:;|\r)/im.exec(message.toString('latin1'));
  return Number(via?.[1] ?? 5060);
}

function probe({ transport, from }: TortureTarget): Buffer {
  const text = formatSip('OPTIONS sip:example.com SIP/2.0', [
    [
      'Via',
      `SIP/2.0/${transport.toUpperCase()} ${net.isIPv6(from) ? `[${from}]` : from};rport;branch=z9hG4bK${PROBE}`,
    ],
    ['From', '<sip:probe@example.net>;tag=1'],
    ['To', '<sip:example.com>'],
    ['Call-ID', PROBE],
    ['CSeq', '1 OPTIONS'],
    ['Max-Forwards', '70'],
  ]);
  return Buffer.from(text);
}

function isProbe(text: string): boolean {
  return header(parseSip(text), 'call-id') === PROBE;
}
