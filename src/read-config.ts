/**
 * What an operator chose, ready to use: values of config-layers.ts with folders made absolute, the number of workers
 * worked out, and the development secret made where one is needed and allowed.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { isLoopback } from './access/address.js'
import { MAKE_ONE } from './access/guessable-secret.js'
import { SECRET_BYTES_MIN } from './access/verifying-key.js'
import { type Config, ConfigError, type ConfigLimits, type TlsFiles, WORKERS_DEFAULT_MAX } from './config.js'
import { accessOf } from './config-access.js'
import { CONFIG_FILE_VARIABLE, type Layered, layerConfig } from './config-layers.js'
import { type ConfigValues, PORT_DEFAULT, TCP_PORT_DEFAULT } from './config-schema.js'
import { makeFolder } from './std/make-folder.js'

/** Reads parley.toml and the environment. Throws ConfigError. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const layered = layerConfig(environment)
  const { host, secret, apps } = layered.values
  const config = configOf(layered)
  if (secret !== undefined || apps !== undefined) return config
  if (!isLoopback(host)) {
    throw new ConfigError(
      `PARLEY_SECRET must be set to listen on ${host}: it signs the tokens of everybody who may connect; ${MAKE_ONE}`,
    )
  }
  return { ...config, secret: developmentSecret(config.dataFolder) }
}

/** Makes no secret where none was set. */
export function configOf(layered: Layered): Config {
  const { host, port, workers, secret, apps, log, demo_page, test_faults } = layered.values
  const isDevelopmentSecret = secret === undefined && apps === undefined
  return {
    host,
    port,
    tcpPort: tcpPortOf(layered.values),
    dataFolder: dataFolderOf(layered),
    workers: workers ?? Math.min(availableParallelism(), WORKERS_DEFAULT_MAX),
    secret,
    access: accessOf(layered.values),
    tls: tlsOf(layered),
    isDevelopmentSecret,
    logLevel: log.level,
    isDemoServed: demo_page ?? isDevelopmentSecret,
    limits: limitsOf(layered.values),
    testFaults: test_faults,
    origins: {
      file: layered.file?.name,
      workers: layered.originOf('workers'),
      data: layered.originOf('data'),
      secret: layered.originOf(apps === undefined ? 'secret' : 'apps'),
    },
  }
}

/** Who moves the one port and says nothing of the other gets only that: a second server would find 7701 taken. */
function tcpPortOf({ port, tcp_port }: ConfigValues): number | undefined {
  if (tcp_port === 'off') return undefined
  return tcp_port ?? (port === PORT_DEFAULT ? TCP_PORT_DEFAULT : undefined)
}

export function limitsOf({ limits }: ConfigValues): ConfigLimits {
  return {
    connectionsPerUserMax: limits.connections_per_user,
    connectionsPerAddressMax: limits.connections_per_address,
    connectionsPerWorkerMax: limits.connections_per_worker,
    framesPerSecondMax: limits.frames_per_second,
    userFramesPerSecondMax: limits.user_frames_per_second,
    appFramesPerSecondMax: limits.app_frames_per_second,
    badTokensPerSecondMax: limits.bad_tokens_per_second,
    sendQueueBytesMax: limits.send_queue_bytes,
  }
}

export function dataFolderOf(layered: Layered): string {
  return pathOf(layered, 'data', layered.values.data)
}

/** Throws ConfigError where the two cannot be used. */
function tlsOf(layered: Layered): TlsFiles | undefined {
  const { cert, key } = layered.values.tls
  if (cert === undefined || key === undefined) return undefined
  const files = { cert: pathOf(layered, 'tls.cert', cert), key: pathOf(layered, 'tls.key', key) }
  try {
    createSecureContext({ cert: readFileSync(files.cert), key: readFileSync(files.key) })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new ConfigError(
      `tls.cert and tls.key (${layered.originOf('tls.cert')}) are no pair to serve with: ${code ?? message}`,
      { cause },
    )
  }
  return files
}

/** In the file it is relative to the file, in the environment to the current folder. */
function pathOf({ file, originOf }: Layered, setting: string, value: string): string {
  const isOfFile = file !== undefined && originOf(setting).startsWith(`${file.name}:`)
  return isOfFile ? resolve(file.folder, value) : resolve(value)
}

/** Drawn once and kept beside the data, so that tokens outlive a restart. */
function developmentSecret(dataFolder: string): string {
  const path = join(dataFolder, 'secret')
  try {
    makeFolder(dataFolder)
    writeFileSync(path, `${newSecret()}\n`, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code !== 'EEXIST') {
      throw new ConfigError(`PARLEY_DATA: cannot write to ${dataFolder} (${code}); choose another folder`, { cause })
    }
  }
  const secret = readFileSync(path, 'utf8').trim()
  if (Buffer.byteLength(secret) < SECRET_BYTES_MIN) {
    throw new ConfigError(`${path} holds a secret that is too short; delete the file, or set PARLEY_SECRET`)
  }
  return secret
}

/** 256 random bits as text. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** The environment of a server that is to read this file, whatever folder it runs in. */
export function withConfigFile(environment: NodeJS.ProcessEnv, path: string | undefined): NodeJS.ProcessEnv {
  return path === undefined ? environment : { ...environment, [CONFIG_FILE_VARIABLE]: resolve(path) }
}
