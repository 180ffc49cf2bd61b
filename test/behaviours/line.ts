import type { Address, Connection, Network } from '../../src/base/index.ts';

export interface LineOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  readonly transport: 'UDP' | 'TCP';
}

/** A phone's socket, or its connections, and the messages that come by them. All text is binary text. */
export class Line {
  readonly #network: Network;
  readonly #server: Address;
  readonly #options: LineOptions;
  readonly #onMessage: (text: string) => void;
  readonly #closers: (() => void | Promise<void>)[] = [];
  #write: (data: Buffer) => void = () => {};
  #connection: Connection | undefined;
  #stream = '';
  #port = 0;
  #isClosed = false;

  /** @param deps.onMessage told of each message, and of each keepalive, as it came */
  constructor(
    deps: { network: Network; server: Address; onMessage: (text: string) => void },
    options: LineOptions,
  ) {
    this.#network = deps.network;
    this.#server = deps.server;
    this.#onMessage = deps.onMessage;
    this.#options = options;
  }

  get port(): number {
    return this.#port;
  }

  /** Whether its last connection has been closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  async open(): Promise<void> {
    if (this.#options.transport === 'UDP') await this.#bind();
    else await this.connect();
  }

  /** A new connection to the server; the earlier one stays as it is. */
  async connect(): Promise<void> {
    const connection = await this.#network.connect(this.#server);
    this.#take(connection);
    this.#port = connection.local.port;
  }

  /** Takes connections as well. */
  async listen(port: number): Promise<void> {
    const local = { host: this.#options.host, port };
    const listener = await this.#network.listen(local, (connection) => this.#take(connection));
    this.#closers.push(() => listener.close());
    this.#port = listener.local.port;
  }

  disconnect(): void {
    this.#connection?.destroy();
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close();
  }

  write(text: string): void {
    this.#write(Buffer.from(text, 'latin1'));
  }

  async #bind(): Promise<void> {
    const { host, port } = this.#options;
    const onDatagram = (data: Buffer) => this.#onMessage(data.toString('latin1'));
    const socket = await this.#network.bindDatagram({ host, port }, { onDatagram });
    this.#closers.push(() => socket.close());
    this.#port = socket.local.port;
    this.#write = (data) => socket.send(data, this.#server);
  }

  /** The newest connection is the one that is written to. */
  #take(connection: Connection): void {
    const onClose = () => {
      this.#isClosed = true;
    };
    connection.setHandler({ onData: (chunk) => this.#onData(chunk), onClose });
    this.#closers.push(() => connection.destroy());
    this.#connection = connection;
    this.#stream = '';
    this.#isClosed = false;
    this.#write = (data) => connection.send(data);
  }

  #onData(chunk: Buffer): void {
    this.#stream += chunk.toString('latin1');
    for (;;) {
      const end = this.#stream.indexOf('\r\n\r\n');
      const keepalive = /^(\r\n)+/.exec(this.#stream)?.[0].length ?? 0;
      const length = Number(/^content-length:\s*(\d+)/im.exec(this.#stream.slice(0, end))?.[1] ?? 0);
      const size = keepalive > 0 ? keepalive : end + 4 + length;
      if ((keepalive === 0 && end < 0) || this.#stream.length < size) return;
      const message = this.#stream.slice(0, size);
      this.#stream = this.#stream.slice(size);
      this.#onMessage(message);
    }
  }
}
