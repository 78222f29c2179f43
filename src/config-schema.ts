/**
 * Every setting of Parley, once: its name, meaning, bounds and default. What reads parley.toml and the environment,
 * `parley config schema`, `parley init` and the table in docs/configuration.md are all made from this.
 *
 * A setting's name in the environment is its path in the file, in capitals: `log.level` is PARLEY_LOG_LEVEL.
 */
import { z } from 'zod'
import { isGuessable, MAKE_ONE } from './access/guessable-secret.js'
import { RATE_MAX } from './access/shared-rates.js'
import { SECRET_BYTES_MIN } from './access/verifying-key.js'
import { Addresses, Apps, Origins } from './config-access.js'
import { LIMITS, MiB } from './domain/limits.js'

export const PORT_DEFAULT = 7700
export const TCP_PORT_DEFAULT = 7701
const WORKERS_MAX = 64
/** The table of a worker's connections is made once, and a process has no more files than this in practice. */
const CONNECTIONS_MAX = 500_000
const SECRET_FIX = `must have at least ${SECRET_BYTES_MIN} bytes; ${MAKE_ONE}`

const limits = z.strictObject({
  connections_per_user: whole(1, 10_000)
    .default(LIMITS.connectionsPerUserMax)
    .meta({ description: 'connections of one user', ...live() }),
  connections_per_address: whole(1, 1_000_000)
    .default(LIMITS.connectionsPerAddressMax)
    .meta({ description: 'connections of one address (of one /64 of IPv6); of the proxy, behind one', ...live() }),
  connections_per_worker: whole(1, CONNECTIONS_MAX)
    .default(LIMITS.connectionsPerWorkerMax)
    .meta({ description: 'connections of one worker; the open file limit must leave room for them' }),
  frames_per_second: whole(1, 1_000_000)
    .default(LIMITS.framesPerSecondMax)
    .meta({ description: 'frames a second of one connection; connections made after a reload', ...live() }),
  user_frames_per_second: whole(1, RATE_MAX)
    .default(LIMITS.userFramesPerSecondMax)
    .meta({ description: 'frames a second of one user, all connections together', ...live() }),
  app_frames_per_second: whole(1, RATE_MAX)
    .default(LIMITS.appFramesPerSecondMax)
    .meta({ description: 'frames and HTTP requests a second of one app', ...live() }),
  bad_tokens_per_second: whole(1, RATE_MAX)
    .default(LIMITS.badTokensPerSecondMax)
    .meta({ description: 'forged tokens a second of one address; of all clients of the proxy, behind one', ...live() }),
  send_queue_bytes: whole(64 * 1024, 256 * MiB)
    .default(LIMITS.sendQueueBytesMax)
    .meta({ description: 'unsent bytes of one connection before it counts as lagging', ...live() }),
})

const access = z.strictObject({
  origins: Origins.optional().meta({
    description: 'web pages of these origins may connect, where it is set; what is no browser sends no origin',
    examples: [['https://chat.example']],
    ...live(),
  }),
  allow: Addresses.optional().meta({
    description: 'addresses that may connect; nobody else, where it is set',
    examples: [['10.0.0.0/8']],
    ...live(),
  }),
  deny: Addresses.default([]).meta({
    description: 'addresses that may not connect, even if they are allowed',
    examples: [['10.6.6.6', '2001:db8::/32']],
    ...live(),
  }),
  proxies: Addresses.default([]).meta({
    description:
      'proxies whose PROXY protocol (version 2) is believed: who connects through them has the address it names',
    examples: [['10.0.0.2']],
    ...live(),
  }),
})

const tls = z.strictObject({
  cert: z
    .string('must be a file in PEM')
    .min(1, 'must be a file in PEM')
    .optional()
    .meta({ description: 'certificate chain in PEM; with `tls.key` the port speaks wss and https, and nothing else' }),
  key: z.string('must be a file in PEM').min(1, 'must be a file in PEM').optional().meta({
    description: 'its private key in PEM, without a passphrase; both relative to parley.toml where they are set there',
  }),
})

const Settings = z.strictObject({
  host: z
    .string('must be an address to listen on, for example 127.0.0.1')
    .min(1, 'must be an address to listen on, for example 127.0.0.1')
    .default('127.0.0.1')
    .meta({ description: 'address to listen on; other than loopback it needs a secret' }),
  port: whole(0, 65_535, 'must be a port, 0 to 65535 (0 picks a free one)')
    .default(PORT_DEFAULT)
    .meta({ description: 'port of WebSocket and HTTP; 0 picks a free one and prints it' }),
  tcp_port: z
    .union(
      [whole(0, 65_535), z.literal('off')],
      'must be a port for plain TCP, 0 to 65535 (0 picks a free one), or "off"',
    )
    .optional()
    .meta({
      description: `port of plain TCP, for clients without WebSocket; ${TCP_PORT_DEFAULT} where \`port\` is ${PORT_DEFAULT}, else none`,
    }),
  data: z
    .string('must be a folder, for example ./data')
    .min(1, 'must be a folder, for example ./data')
    .default('./data')
    .meta({ description: 'folder of all data, one process at a time; relative to parley.toml where it is set there' }),
  workers: whole(1, WORKERS_MAX, `must be a number of threads, 1 to ${WORKERS_MAX}`)
    .optional()
    .meta({ description: 'worker threads; one per core, at most 8, where it is not set' }),
  secret: z
    .string(SECRET_FIX)
    .refine((text) => Buffer.byteLength(text) >= SECRET_BYTES_MIN, SECRET_FIX)
    .optional()
    .meta({
      description: `signs tokens of any app (HS256), at least ${SECRET_BYTES_MIN} random bytes; \`parley dev\` makes its own in the data folder`,
      writeOnly: true,
    }),
  tls: tls.prefault({}),
  access: access.prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'], 'must be one of debug, info, warn, error, silent')
        .default('warn')
        .meta({ description: 'lines below it are not written' }),
    })
    .prefault({}),
  demo_page: z
    .boolean('must be true or false (in the environment 1 or 0)')
    .optional()
    .meta({ description: 'serve the demo page at `/`; only in development (no secret set) where it is not set' }),
  limits: limits.prefault({}),
  test_faults: z
    .boolean('must be true or false (in the environment 1 or 0), and true only in tests')
    .default(false)
    .meta({ description: 'tests only: lets signals break a worker on purpose' }),
  apps: Apps.optional().meta({
    description: 'apps with keys of their own, instead of `secret`: docs/access.md',
    examples: [[{ id: 'shop', keys: [{ kid: '2026-11', alg: 'HS256', secret: '32 random bytes or more' }] }]],
    writeOnly: true,
    ...live(),
  }),
})

export const ConfigSchema = Settings.superRefine(({ apps, secret, tls: { cert, key } }, context) => {
  const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: path.split('.'), message })
  if (cert !== undefined && key === undefined) refuse('tls.cert', 'needs tls.key beside it')
  if (key !== undefined && cert === undefined) refuse('tls.key', 'needs tls.cert beside it')
  if (secret === undefined) return
  if (apps !== undefined) refuse('secret', 'cannot be set while apps have keys of their own; take one of them out')
  else if (isGuessable(secret)) refuse('secret', `is one that people can guess; ${MAKE_ONE}`)
})

export type ConfigValues = z.infer<typeof ConfigSchema>

/** list: of texts; in the environment separated by commas. tables: `[[name]]`; in the environment JSON. */
export type SettingType = 'string' | 'integer' | 'boolean' | 'list' | 'tables'
export type SettingValue = string | number | boolean | readonly unknown[]

export interface Setting {
  /** In the file, `log.level`. */
  readonly path: string
  /** In the environment, `PARLEY_LOG_LEVEL`. */
  readonly variable: string
  readonly description: string
  readonly type: SettingType
  /** Absent: worked out at start. */
  readonly default?: SettingValue
  /** Of what an operator may write; for lists and tables only. */
  readonly example?: SettingValue
  /** Bounds or choices, in words; empty where the type says it all. */
  readonly range: string
  readonly isSecret: boolean
  /** Taken over on SIGHUP, without a restart. */
  readonly isLive: boolean
}

interface Node extends z.core.JSONSchema.BaseSchema {
  readonly isLive?: boolean
}

/** JSON Schema of parley.toml, as editors want it. */
export function configJsonSchema(): object {
  return { title: 'parley.toml', ...z.toJSONSchema(ConfigSchema, { io: 'input' }) }
}

/** In the order of the schema. */
export const SETTINGS: readonly Setting[] = settingsOf(z.toJSONSchema(ConfigSchema, { io: 'input' }) as Node, [])

export function variableOf(path: string): string {
  return `PARLEY_${path.replaceAll('.', '_').toUpperCase()}`
}

function settingsOf(node: Node, path: readonly string[]): Setting[] {
  const children = Object.entries(node.properties ?? {})
  if (children.length > 0) return children.flatMap(([key, child]) => settingsOf(child as Node, [...path, key]))
  const name = path.join('.')
  const { description = '', writeOnly: isSecret = false, isLive = false, examples: [example] = [] } = node
  return [
    {
      path: name,
      variable: variableOf(name),
      description,
      type: typeOf(node),
      ...(node.default !== undefined && { default: node.default as SettingValue }),
      ...(example !== undefined && { example: example as SettingValue }),
      range: rangeOf(node),
      isSecret,
      isLive,
    },
  ]
}

function typeOf(node: Node): SettingType {
  const type = node.type ?? memberOf(node, 'integer')?.type
  if (type !== 'array') return type as SettingType
  return (node.items as Node).type === 'object' ? 'tables' : 'list'
}

function rangeOf(node: Node): string {
  const { enum: choices, minimum, maximum } = node
  if (choices !== undefined) return choices.join(', ')
  const word = memberOf(node, 'string')?.const
  if (word !== undefined) return `${rangeOf(memberOf(node, 'integer')!)}, or ${word}`
  return minimum === undefined || maximum === undefined ? '' : `${minimum} to ${maximum}`
}

/** A number that a word may stand for is a union of both. */
function memberOf({ anyOf = [] }: Node, type: 'integer' | 'string'): Node | undefined {
  return (anyOf as Node[]).find((each) => each.type === type)
}

function whole(min: number, max: number, meaning = `must be a whole number, ${min} to ${max}`) {
  return z.int(meaning).min(min, meaning).max(max, meaning)
}

function live(): { readonly isLive: true } {
  return { isLive: true }
}
