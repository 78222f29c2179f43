/**
 * SIGHUP: reads parley.toml again and takes over what may change while the server runs. A file that is refused changes
 * nothing; a changed setting that needs a restart is named. The log says which. Connections stay as they are, but for those
 * whose app or key is gone.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { AccessConfig } from './access/access-config.js'
import { ConfigError, type LiveConfig } from './config.js'
import { accessOf } from './config-access.js'
import { layerConfig, lookUp } from './config-layers.js'
import { type ConfigValues, SETTINGS } from './config-schema.js'
import { limitsOf } from './read-config.js'

export interface ReloadParts {
  readonly environment: NodeJS.ProcessEnv
  /** Where the file is, if the environment names none; by default the current one. */
  readonly folder?: string
  readonly pool: { reconfigure(live: LiveConfig): void }
  readonly keeper: { reconfigure(access: AccessConfig): void }
  readonly logger: Pick<Logger, 'warn' | 'error'>
}

export class Reload {
  readonly #parts: ReloadParts
  readonly #started: ConfigValues
  /** What the server started with; without it the defaults, under which nobody is kept out, would hold. */
  readonly #file: string | undefined
  #current: ConfigValues

  /** Call it when the server starts: what differs later is told against this. */
  constructor(parts: ReloadParts) {
    this.#parts = parts
    const { values, file } = layerConfig(parts.environment, parts.folder)
    this.#started = values
    this.#file = file?.name
    this.#current = this.#started
  }

  run(): void {
    const { environment, folder, pool, keeper, logger } = this.#parts
    let next: ConfigValues
    try {
      const { values, file } = layerConfig(environment, folder)
      if (this.#file !== undefined && file === undefined) throw new ConfigError(`${this.#file} is not there any more`)
      next = values
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return logger.error({ event: 'config-refused', complaints: error.message.split('\n') }, 'nothing was changed')
    }
    const needRestart = differing(this.#started, next, false)
    // Between one secret and apps with keys of their own there is no way without a restart.
    if ((this.#started.apps === undefined) !== (next.apps === undefined)) {
      needRestart.push('apps')
      next = { ...next, apps: this.#current.apps }
    }
    const live = differing(this.#current, next, true)
    this.#current = next
    const { connectionsPerWorkerMax } = limitsOf(this.#started)
    const access = accessOf(next)
    pool.reconfigure({ limits: { ...limitsOf(next), connectionsPerWorkerMax }, access })
    keeper.reconfigure(access)
    logger.warn({ event: 'config-reloaded', changed: live, needRestart }, 'read the configuration again')
  }
}

function differing(before: ConfigValues, after: ConfigValues, isLive: boolean): string[] {
  return SETTINGS.filter((setting) => setting.isLive === isLive)
    .map(({ path }) => path)
    .filter((path) => !isDeepStrictEqual(lookUp(before, path), lookUp(after, path)))
}
