import { errorMessage, type Logger } from '../base/index.ts';
import type { ReloadReport } from './admin/peer-admin.ts';
import { changesBetween, type LiveConfig, withLive } from './config/changes.ts';
import type { GatewayConfig } from './config/gateway-config.ts';
import type { LoadedConfig } from './config/load-config.ts';

export interface ReloadingDeps {
  readonly logger: Logger;
  /** Reads the files anew. @throws ConfigError */
  load(): LoadedConfig;
  /** Takes over what can change while the peer runs. */
  apply(config: LiveConfig): void;
}

/** Reads the configuration again on demand: all of it is good and what can change at once does, or nothing is touched. */
export class Reloading {
  readonly #deps: ReloadingDeps;
  #running: GatewayConfig;

  constructor(deps: ReloadingDeps, running: GatewayConfig) {
    this.#deps = deps;
    this.#running = running;
  }

  /** @throws ConfigError when the files cannot be used: the peer goes on with what it has */
  reload(): ReloadReport {
    const { logger } = this.#deps;
    const { config, warnings } = this.#load();
    const { live, atRestart } = changesBetween(this.#running, config);
    this.#deps.apply(config);
    this.#running = withLive(this.#running, config);
    for (const warning of warnings) logger.warn(warning);
    logger.info('configuration read again', { applied: live.join(',') || 'nothing' });
    if (atRestart.length > 0) {
      logger.warn('these changes need a restart', { keys: atRestart.join(',') });
    }
    return { applied: live, needRestart: atRestart, warnings };
  }

  #load(): LoadedConfig {
    try {
      return this.#deps.load();
    } catch (error) {
      this.#deps.logger.error('the new configuration is refused, the old one stays', {
        error: errorMessage(error),
      });
      throw error;
    }
  }
}
