/**
 * Reads what an operator chooses from the environment, once at start. A wrong value is refused with the variable's name
 * and the fix; an unknown PARLEY_ variable is refused too, since a misspelt one would be ignored in silence.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { type Config, ConfigError, WORKERS_DEFAULT_MAX } from './config.js'
import { SECRET_BYTES_MIN } from './gateway/token.js'

const WORKERS_MAX = 64

const Environment = z.strictObject({
  PARLEY_HOST: z.string('is an address to listen on, for example 127.0.0.1').min(1).default('127.0.0.1'),
  PARLEY_PORT: whole(0, 65_535, 'is a port, 0 to 65535 (0 picks a free one)').default(7700),
  PARLEY_DATA: z.string().min(1, 'is a folder, for example ./data').default('./data'),
  PARLEY_WORKERS: whole(1, WORKERS_MAX, `is a number of threads, 1 to ${WORKERS_MAX}`).optional(),
  PARLEY_SECRET: z
    .string()
    .refine((text) => Buffer.byteLength(text) >= SECRET_BYTES_MIN, {
      message: `has at least ${SECRET_BYTES_MIN} bytes; make one with: openssl rand -base64 32`,
    })
    .optional(),
  PARLEY_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], 'is one of debug, info, warn, error, silent')
    .default('warn'),
  PARLEY_TEST_FAULTS: z.enum(['0', '1'], 'is 0 or 1, and 1 only in tests').default('0'),
})

/** Reads the configuration, and makes the development secret where one is needed and allowed. Throws ConfigError. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const ours = Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('PARLEY_')))
  const parsed = Environment.safeParse(ours)
  if (!parsed.success) throw new ConfigError(parsed.error.issues.flatMap(explain).join('\n'))
  const chosen = parsed.data
  const dataFolder = resolve(chosen.PARLEY_DATA)
  const isDevelopmentSecret = chosen.PARLEY_SECRET === undefined
  if (isDevelopmentSecret && !isLoopback(chosen.PARLEY_HOST)) {
    throw new ConfigError(
      `PARLEY_SECRET must be set to listen on ${chosen.PARLEY_HOST}: it signs the tokens of everybody who may connect; ` +
        'make one with: openssl rand -base64 32',
    )
  }
  return {
    host: chosen.PARLEY_HOST,
    port: chosen.PARLEY_PORT,
    dataFolder,
    workers: chosen.PARLEY_WORKERS ?? Math.min(availableParallelism(), WORKERS_DEFAULT_MAX),
    secret: chosen.PARLEY_SECRET ?? developmentSecret(dataFolder),
    isDevelopmentSecret,
    logLevel: chosen.PARLEY_LOG_LEVEL,
    testFaults: chosen.PARLEY_TEST_FAULTS === '1',
  }
}

/** Drawn once and kept beside the data, so that tokens outlive a restart. */
function developmentSecret(dataFolder: string): string {
  const path = join(dataFolder, 'secret')
  try {
    mkdirSync(dataFolder, { recursive: true })
    writeFileSync(path, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code !== 'EEXIST') throw new ConfigError(`PARLEY_DATA: cannot write to ${dataFolder} (${code})`, { cause })
  }
  const secret = readFileSync(path, 'utf8').trim()
  if (Buffer.byteLength(secret) < SECRET_BYTES_MIN) {
    throw new ConfigError(`${path} holds a secret that is too short; delete the file, or set PARLEY_SECRET`)
  }
  return secret
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}

function whole(min: number, max: number, meaning: string) {
  return z
    .string()
    .regex(/^\d{1,9}$/, meaning)
    .transform(Number)
    .pipe(z.number().min(min, meaning).max(max, meaning))
}

function explain(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((name) => `${name} is not a setting of Parley`)
  return [`${issue.path.join('.')} ${issue.message}`]
}
