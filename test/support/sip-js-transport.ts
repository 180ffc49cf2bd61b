import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { EmitterImpl, type Transport, TransportState } from 'sip.js';

export interface SipJsTransportOptions {
  transport: 'udp' | 'tcp';
  /** Of the server. */
  port: number;
  host: string;
}

/** One open socket: whole messages out, bytes in. */
interface Wire {
  send(message: string): void;
  close(): Promise<void>;
}

/** What sip.js takes in place of its WebSocket transport: plain UDP or TCP to one server. */
export class SipJsTransport implements Transport {
  readonly protocol: string;
  readonly stateChange = new EmitterImpl<TransportState>();
  state = TransportState.Disconnected;
  onConnect: (() => void) | undefined;
  onDisconnect: ((error?: Error) => void) | undefined;
  onMessage: ((message: string) => void) | undefined;
  readonly #options: SipJsTransportOptions;
  #wire: Wire | undefined;

  constructor(_logger: unknown, options: SipJsTransportOptions) {
    this.#options = options;
    this.protocol = options.transport.toUpperCase();
  }

  async connect(): Promise<void> {
    this.#enter(TransportState.Connecting);
    const open = this.#options.transport === 'udp' ? openUdp : openTcp;
    this.#wire = await open(this.#options, {
      message: (text) => this.onMessage?.(text),
      lost: (error) => this.#lost(error),
    });
    this.#enter(TransportState.Connected);
    this.onConnect?.();
  }

  async disconnect(): Promise<void> {
    if (!this.isConnected()) return;
    this.#enter(TransportState.Disconnecting);
    this.onDisconnect?.();
    await this.#wire?.close();
    this.#enter(TransportState.Disconnected);
  }

  dispose(): Promise<void> {
    return this.disconnect();
  }

  isConnected(): boolean {
    return this.state === TransportState.Connected;
  }

  async send(message: string): Promise<void> {
    if (!this.isConnected()) throw new Error('not connected');
    this.#wire?.send(message);
  }

  #lost(error: Error): void {
    if (!this.isConnected()) return;
    this.#enter(TransportState.Disconnected);
    this.onDisconnect?.(error);
  }

  #enter(state: TransportState): void {
    this.state = state;
    this.stateChange.emit(state);
  }
}

interface Receiver {
  message(text: string): void;
  lost(error: Error): void;
}

async function openUdp({ host, port }: SipJsTransportOptions, receiver: Receiver): Promise<Wire> {
  const socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (data) => receiver.message(data.toString()));
  socket.connect(port, host);
  await once(socket, 'connect');
  socket.on('error', (error) => receiver.lost(error));
  return {
    send: (message) => socket.send(message),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

async function openTcp({ host, port }: SipJsTransportOptions, receiver: Receiver): Promise<Wire> {
  const socket = net.connect(port, host);
  await once(socket, 'connect');
  const split = messageSplitter(receiver.message);
  socket.on('data', split);
  socket.on('error', (error) => receiver.lost(error));
  socket.on('close', () => receiver.lost(new Error('closed by the server')));
  return {
    send: (message) => void socket.write(message),
    async close() {
      const closed = once(socket, 'close');
      socket.destroy();
      await closed;
    },
  };
}

/** RFC 3261 §18.3: over a stream, Content-Length ends a message; CRLFs between messages are keep-alives (§7.5). */
function messageSplitter(give: (message: string) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      while (rest[0] === 0x0d || rest[0] === 0x0a) rest = rest.subarray(1);
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = /^(?:content-length|l)\s*:\s*(\d+)/im.exec(rest.toString('latin1', 0, end))?.[1] ?? 0;
      const total = end + 4 + Number(length);
      if (rest.length < total) return;
      give(rest.toString('utf8', 0, total));
      rest = rest.subarray(total);
    }
  };
}
