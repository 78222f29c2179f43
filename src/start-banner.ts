/**
 * What a person sees on start. With the development secret it shows tokens to try things with: only this machine can
 * connect then, and they go to standard output alone, never to a log line.
 */
import type { Config } from './config.js'
import { signToken } from './gateway/token.js'

const DEVELOPMENT_TOKEN_DAYS = 30
const DEVELOPMENT_USERS = ['alice', 'bob']

export function banner(config: Config, port: number): string {
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  const threads = config.workers === 1 ? '1 worker' : `${config.workers} workers`
  const lines = [
    `Parley serves ws://${host}:${port}/v1/ws`,
    `  data in ${config.dataFolder}, ${threads}, pid ${process.pid}`,
  ]
  if (config.isDevelopmentSecret) {
    lines.push(
      `  development only (set PARLEY_SECRET elsewhere): tokens of app demo, good for ${DEVELOPMENT_TOKEN_DAYS} days`,
    )
    for (const user of DEVELOPMENT_USERS) lines.push(`  ${user}: ${developmentToken(config, user)}`)
  }
  return `${lines.join('\n')}\n`
}

function developmentToken(config: Config, user: string): string {
  const expiresAt = Date.now() + DEVELOPMENT_TOKEN_DAYS * 24 * 60 * 60 * 1000
  return signToken(config.secret, { app: 'demo', user, expiresAt })
}
