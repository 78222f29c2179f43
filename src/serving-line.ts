/**
 * What `parley dev --json` and `parley serve --json` say once every worker serves: for programs that start a server.
 */
import type { Config } from './config.js'
import { packageVersion } from './package-version.js'
import type { Ports } from './process-messages.js'

export function servingLine(config: Config, { port, tcpPort }: Ports, tookMs: number): string {
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  const facts = {
    serving: true,
    url: `ws://${host}:${port}/v1/ws`,
    http: `http://${host}:${port}`,
    tcp: tcpPort === undefined ? null : `${host}:${tcpPort}`,
    data: config.dataFolder,
    workers: config.workers,
    pid: process.pid,
    readyMs: Math.round(tookMs),
    version: packageVersion(),
  }
  return `${JSON.stringify(facts)}\n`
}
