/**
 * Tokens made with the configuration's secret, for those who have it: the command line and the start banner.
 */
import type { Config } from './config.js'
import { signToken } from './gateway/token.js'

const MS_PER_DAY = 24 * 60 * 60 * 1000

export interface TokenFor {
  readonly app: string
  readonly user: string
  readonly device?: string
  readonly days: number
}

export function tokenFor({ secret }: Config, { app, user, device, days }: TokenFor): string {
  const expiresAt = Date.now() + days * MS_PER_DAY
  return signToken(secret, { app, user, ...(device !== undefined && { device }), expiresAt })
}
