/**
 * `parley dev` and `parley serve`: the supervised server, in this process, after the configuration was found good.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../config.js'
import { layerConfig } from '../config-layers.js'
import { packageFolder } from '../package-version.js'
import { configOf } from '../read-config.js'
import { supervise } from '../supervisor.js'
import { CommandError } from './terminal.js'

/** Throws ConfigError; returns at once when the server was started. */
export function dev(environment: NodeJS.ProcessEnv, json: boolean): void {
  start(environment, json)
}

/** As `dev`, but a secret, or apps with keys, must have been set: one that Parley makes for itself is for trying things. */
export function serve(environment: NodeJS.ProcessEnv, json: boolean): void {
  const { values, file } = layerConfig(environment)
  if (values.secret === undefined && values.apps === undefined) {
    const place = file === undefined ? 'parley init writes a file with one' : `add to ${file.name}: secret = "…"`
    throw new ConfigError(
      `secret must be set to serve (${place}; make one with: openssl rand -base64 32); parley dev runs without`,
    )
  }
  start(environment, json)
}

function start(environment: NodeJS.ProcessEnv, json: boolean): void {
  const { workers } = configOf(layerConfig(environment)) // the server makes the data folder, once it has its ports
  const script = join(packageFolder(), 'dist', 'server.js')
  if (!existsSync(script)) throw new CommandError(`${script} is missing; in a clone of the repository: npm start`)
  supervise({ script, environment, workers, json })
}
