import { errorMessage, type Logger } from '../../base/index.ts';
import type { Fork } from './fork.ts';
import type { OwnAddresses } from './own-addresses.ts';
import type { CallObserver, RequestHandler } from './ports.ts';
import { HandledRequest, type HandledRequestOptions } from './request-context.ts';

export interface HandlerRunnerDeps {
  readonly handler: RequestHandler;
  readonly own: OwnAddresses;
  readonly logger: Logger;
  readonly calls: CallObserver | undefined;
  readonly startFork: (context: HandledRequest) => Fork;
}

/** Has the handler decide what becomes of requests, and answers 500 for one that fails or does not. */
export class HandlerRunner {
  readonly #deps: HandlerRunnerDeps;

  constructor(deps: HandlerRunnerDeps) {
    this.#deps = deps;
  }

  run(options: HandledRequestOptions): void {
    const { handler, calls } = this.#deps;
    const { transaction } = options;
    const { request, flow } = transaction;
    if (request.method === 'INVITE' && request.toTag === undefined) {
      transaction.onFinal = calls?.begin(request, flow);
    }
    const context = new HandledRequest(this.#deps, options);
    transaction.whenCancelled((reason) => context.cancel(reason));
    try {
      handler.onRequest(context)?.then(
        () => this.#requireDecision(context),
        (error: unknown) => this.#onFailed(context, error),
      );
    } catch (error) {
      this.#onFailed(context, error);
    }
  }

  /** A request that nobody answers would stay for ever. */
  #requireDecision(context: HandledRequest): void {
    if (!context.isDecided) this.#onFailed(context, new Error('the handler left the request undecided'));
  }

  #onFailed(context: HandledRequest, error: unknown): void {
    this.#deps.logger.error('handling a SIP request failed', {
      method: context.request.method,
      error: error instanceof Error ? error.stack : errorMessage(error),
    });
    if (!context.isDecided) context.reply(500);
  }
}
