import { once } from 'node:events';
import { WebSocket } from 'ws';
import { eventually } from './wait.ts';

/** What a process holds once all garbage is gone. */
export interface Holdings {
  /** Bytes. */
  readonly heap: number;
  readonly external: number;
  /** Timers, sockets and whatever else keeps Node alive, by type. */
  readonly resources: Readonly<Record<string, number>>;
}

interface Evaluation {
  readonly result: { readonly value: string };
}

const HOLDINGS = `(() => {
  const { heapUsed, external } = process.memoryUsage();
  const resources = {};
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
  return JSON.stringify({ heap: heapUsed, external, resources });
})()`;

/** V8's inspector of another process, which was started with `--inspect=127.0.0.1:0`. */
export class Inspector {
  readonly #socket: WebSocket;
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** @param log gives what the process has written to stderr so far: the inspector's address is there */
  static async open(log: () => string): Promise<Inspector> {
    const address = /ws:\/\/127\.0\.0\.1:\d+\/\S+/;
    await eventually('the inspector', 10_000, () => address.test(log()));
    const socket = new WebSocket(address.exec(log())?.[0] ?? '');
    await once(socket, 'open');
    return new Inspector(socket);
  }

  async holdings(): Promise<Holdings> {
    for (let i = 0; i < 3; i++) await this.#ask('HeapProfiler.collectGarbage');
    const parameters = { expression: HOLDINGS, returnByValue: true };
    const { result } = (await this.#ask('Runtime.evaluate', parameters)) as Evaluation;
    return JSON.parse(result.value);
  }

  close(): void {
    this.#socket.close();
  }

  #ask(method: string, params: Record<string, unknown> = {}): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const onMessage = (data: Buffer) => {
        const answer = JSON.parse(data.toString());
        if (answer.id !== id) return;
        this.#socket.off('message', onMessage);
        if (answer.error === undefined) resolve(answer.result);
        else reject(new Error(answer.error.message));
      };
      this.#socket.on('message', onMessage);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}
