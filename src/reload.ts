/**
 * SIGHUP: reads parley.toml again and takes over what may change while the server runs. A file that is refused changes
 * nothing; a changed setting that needs a restart is named. The log says which.
 */
import type { Logger } from 'pino'
import { ConfigError, type ConfigLimits } from './config.js'
import { layerConfig, lookUp } from './config-layers.js'
import { type ConfigValues, SETTINGS } from './config-schema.js'
import { limitsOf } from './read-config.js'

export interface ReloadParts {
  readonly environment: NodeJS.ProcessEnv
  readonly pool: { setLimits(limits: ConfigLimits): void }
  readonly logger: Pick<Logger, 'warn' | 'error'>
}

export class Reload {
  readonly #parts: ReloadParts
  readonly #started: ConfigValues
  #current: ConfigValues

  /** Call it when the server starts: what differs later is told against this. */
  constructor(parts: ReloadParts) {
    this.#parts = parts
    this.#started = layerConfig(parts.environment).values
    this.#current = this.#started
  }

  run(): void {
    const { environment, pool, logger } = this.#parts
    let next: ConfigValues
    try {
      next = layerConfig(environment).values
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return logger.error({ event: 'config-refused', complaints: error.message.split('\n') }, 'nothing was changed')
    }
    const live = differing(this.#current, next, true)
    const needRestart = differing(this.#started, next, false)
    this.#current = next
    const { connectionsPerWorkerMax } = limitsOf(this.#started)
    pool.setLimits({ ...limitsOf(next), connectionsPerWorkerMax })
    logger.warn({ event: 'config-reloaded', changed: live, needRestart }, 'read the configuration again')
  }
}

function differing(before: ConfigValues, after: ConfigValues, isLive: boolean): string[] {
  return SETTINGS.filter((setting) => setting.isLive === isLive)
    .map(({ path }) => path)
    .filter((path) => lookUp(before, path) !== lookUp(after, path))
}
