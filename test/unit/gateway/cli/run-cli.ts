import { Readable, Writable } from 'node:stream';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import type { CliEnvironment } from '../../../../src/gateway/cli/environment.ts';
import { main } from '../../../../src/gateway/cli/main.ts';
import type { ComposeGateway } from '../../../../src/gateway/running-gateway.ts';
import { SystemNetwork } from '../../../../src/net/index.ts';

/** Collects what is written to it. */
class TextSink extends Writable {
  text = '';
  /** Resolves when something has been written. */
  readonly written: Promise<void>;
  #tell: () => void = () => {};

  constructor() {
    super();
    this.written = new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.text += String(chunk);
    this.#tell();
    done();
  }
}

/** A command line in this process: its streams, its stop switch, and a peer made to order. */
export class TestCli {
  readonly stdout = new TextSink();
  readonly stderr = new TextSink();
  readonly #stop = new AbortController();
  readonly #compose: ComposeGateway;

  constructor(compose: ComposeGateway = () => Promise.reject(new Error('no peer in this test'))) {
    this.#compose = compose;
  }

  /** What the next command reads. */
  stdin = '';

  /** What SIGHUP does. */
  hangUp: () => void = () => {};

  /** What SIGTERM does. */
  stop(): void {
    this.#stop.abort();
  }

  /** @returns the exit code */
  run(...args: string[]): Promise<number> {
    const environment: CliEnvironment = {
      stdin: Readable.from([Buffer.from(this.stdin)]),
      stdout: this.stdout,
      stderr: this.stderr,
      stop: this.#stop.signal,
      onHangup: (callback) => {
        this.hangUp = callback;
      },
      loadCompose: async () => this.#compose,
      loadNet: async () => ({ network: new SystemNetwork(), clock: new VirtualClock() }),
    };
    return main(args, environment);
  }
}
