/**
 * What a person sees on start: what runs where, what was chosen and why, what to try next. With the development secret
 * it shows tokens to try things with, on a terminal alone: output that is kept is read by others later.
 */
import { relative, sep } from 'node:path'
import type { Config } from './config.js'
import { packageFolder, packageVersion } from './package-version.js'
import type { Ports } from './process-messages.js'
import { tokenFor } from './tokens.js'

const DEVELOPMENT_TOKEN_DAYS = 30
const DEVELOPMENT_USERS = ['alice', 'bob']

export interface BannerParts {
  readonly config: Config
  readonly ports: Ports
  /** What the choice of a socket library costs, where it is not the usual one. */
  readonly notice: string | undefined
  /** From the start of the process until every worker served. */
  readonly tookMs: number
  /** Whether a person sees it come, and not a file or a service manager. */
  readonly isTerminal: boolean
  /** Whether colours are wanted. */
  readonly isColoured: boolean
}

export function banner({ config, ports, notice, tookMs, isTerminal, isColoured }: BannerParts): string {
  const bold = (text: string) => (isColoured ? `\x1b[1m${text}\x1b[22m` : text)
  const green = (text: string) => (isColoured ? `\x1b[32m${text}\x1b[39m` : text)
  const row = (name: string, text: string) => `  ${green('➜')}  ${bold(name.padEnd(9))}${text}`
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  const { origins } = config
  const { port, tcpPort } = ports
  const scheme = (plain: string) => (config.tls === undefined ? plain : `${plain}s`)
  const lines = [
    `  ${green(`Parley ${packageVersion()}`)} serves ${scheme('ws')}://${host}:${port}/v1/ws`,
    row('process', `${workersOf(config)}, ready in ${Math.round(tookMs)} ms, pid ${process.pid}`),
    ...(config.isDemoServed ? [row('page', `${scheme('http')}://${host}:${port}/ in a browser, to try it`)] : []),
    row('http', `${scheme('http')}://${host}:${port} with /metrics, /healthz and /readyz`),
    ...(notice === undefined ? [] : [row('sockets', notice)]),
    ...(tcpPort === undefined ? [] : [row('tcp', `${host}:${tcpPort}, the same frames without WebSocket`)]),
    row('data', `${config.dataFolder} (${origins.data})`),
    row('config', origins.file ?? `defaults and environment; ${program()} init writes a file`),
    row('secret', config.isDevelopmentSecret ? 'made in the data folder, for development only' : origins.secret),
  ]
  if (config.isDevelopmentSecret) lines.push('', ...developmentLines(bold))
  if (config.isDevelopmentSecret && isTerminal) lines.push(...tokenLines(config, bold))
  return `\n${lines.join('\n')}\n\n`
}

function workersOf({ workers, origins }: Config): string {
  const threads = workers === 1 ? '1 worker' : `${workers} workers`
  return `${threads} (${origins.workers === 'default' ? 'one per core' : origins.workers})`
}

function developmentLines(bold: (text: string) => string): string[] {
  const tries = ['tail --user bob', "send --user alice bob 'lunch?'", 'top', 'doctor']
  return [
    `  ${bold('try')}, each in another terminal of this folder`,
    ...tries.map((command) => `     ${program()} ${command}`),
  ]
}

function tokenLines(config: Config, bold: (text: string) => string): string[] {
  return [
    `  ${bold('tokens')} of app demo, good for ${DEVELOPMENT_TOKEN_DAYS} days`,
    ...DEVELOPMENT_USERS.map((user) => {
      const token = tokenFor(config, { app: 'demo', user, days: DEVELOPMENT_TOKEN_DAYS })
      return `     ${user}: ${token}`
    }),
  ]
}

/** How a person calls our command line here: as an installed package, or in a clone of the repository. */
function program(): string {
  const folder = packageFolder()
  if (folder.split(sep).includes('node_modules')) return 'npx parley'
  return `node ${relative(process.cwd(), `${folder}/dist/cli.js`)}`
}
