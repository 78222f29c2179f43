/**
 * Tokens made with the configuration's keys, for those who have it: the command line and the start banner.
 */
import type { Role } from './access/role.js'
import { signToken } from './access/token.js'
import { type Config, ConfigError } from './config.js'

const MS_PER_DAY = 24 * 60 * 60 * 1000

export interface TokenFor {
  readonly app: string
  readonly user: string
  readonly device?: string
  readonly role?: Role
  readonly days: number
}

/** Throws ConfigError where the app has no key that Parley itself could sign with. */
export function tokenFor(
  config: Pick<Config, 'secret' | 'access'>,
  { app, user, device, role, days }: TokenFor,
): string {
  const { secret, kid } = signingKey(config, app)
  const issuedAt = Date.now()
  const expiresAt = issuedAt + days * MS_PER_DAY
  const optional = { ...(device !== undefined && { device }), ...(role !== undefined && { role }) }
  return signToken(secret, { app, user, ...optional, issuedAt, expiresAt }, kid)
}

function signingKey(
  { secret, access }: Pick<Config, 'secret' | 'access'>,
  app: string,
): { secret: string; kid?: string } {
  if (secret !== undefined) return { secret }
  const found = access.apps?.find(({ id }) => id === app)
  if (found === undefined) {
    const known = access.apps?.map(({ id }) => id).join(', ')
    throw new ConfigError(`there is no app ${app}; the configuration has: ${known}; choose with --app`)
  }
  for (const key of found.keys) if (key.alg === 'HS256') return key
  throw new ConfigError(
    `app ${app} has no HS256 key: whoever has its private key signs its tokens; pass one with --token`,
  )
}
