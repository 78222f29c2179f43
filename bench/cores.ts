/**
 * Which core does what: the server (and the relay) on the first ones, the clients on the rest, so that neither steals
 * from the other and "one core of server" means one. Where `taskset` is missing the system decides, and the results say so.
 */
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

export interface Cores {
  /** As taskset takes it, for example `0` or `0-3`; undefined: not pinned. */
  readonly server: string | undefined
  readonly clients: string | undefined
}

/** `serverCores` for the server; clients get what is left, and share the last core where nothing is. */
export function cores(serverCores: number): Cores {
  const count = availableParallelism()
  if (count < 2 || spawnSync('taskset', ['-c', '0', 'true']).status !== 0)
    return { server: undefined, clients: undefined }
  const forServer = Math.min(serverCores, count - 1)
  return { server: range(0, forServer - 1), clients: range(forServer, count - 1) }
}

/** The command that runs `command` on these cores. */
export function pinned(on: string | undefined, command: readonly string[]): string[] {
  return on === undefined ? [...command] : ['taskset', '-c', on, ...command]
}

export function describeCores({ server, clients }: Cores): string {
  return server === undefined
    ? 'not pinned (no taskset, or one core)'
    : `server on core ${server}, clients on ${clients}`
}

function range(from: number, to: number): string {
  return from === to ? `${from}` : `${from}-${to}`
}
