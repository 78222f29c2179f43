/**
 * `parley backup` and `parley restore`.
 */
import { resolve } from 'node:path'
import { backUp } from '../backup.js'
import { BackupError } from '../backup-list.js'
import { CorruptionError, UnavailableError } from '../domain/errors.js'
import { GiB, MiB } from '../domain/limits.js'
import { restore } from '../restore.js'
import { CommandError, type Terminal } from './terminal.js'

export interface BackupCommandOptions {
  readonly dataFolder: string
  readonly to: string
  readonly json: boolean
}

/** Throws CommandError and ConfigError. */
export async function backUpCommand(terminal: Terminal, { dataFolder, to, json }: BackupCommandOptions): Promise<void> {
  const told = new Told()
  const work = backUp({ dataFolder, to: resolve(to), progress: told.set })
  const report = await explained(terminal.progress(told.get, work))
  if (json) return terminal.json({ ok: true, ...report })
  const { files, bytes, wasRunning } = report
  const of = `${dataFolder}${wasRunning ? ', whose server ran on' : ''}`
  terminal.print(`backed up ${of}: ${sizeOf(bytes)} in ${files} files, in ${report.folder}`)
}

export interface RestoreCommandOptions {
  readonly from: string
  readonly dataFolder: string
  readonly json: boolean
}

/** Throws CommandError and ConfigError. */
export async function restoreCommand(
  terminal: Terminal,
  { from, dataFolder, json }: RestoreCommandOptions,
): Promise<void> {
  const told = new Told()
  const work = restore({ from: resolve(from), dataFolder, progress: told.set, now: terminal.clock.now() })
  const report = await explained(terminal.progress(told.get, work))
  if (json) return terminal.json({ ok: true, ...report })
  terminal.print(`restored ${dataFolder} as of ${report.begunAt}: ${sizeOf(report.bytes)}`)
  terminal.print('what was sent after that is lost here; devices that have it are told (docs/operations.md)')
}

/** The last word on what is being done. */
class Told {
  #doing = 'starting'
  #bytes = 0
  readonly set = (doing: string, bytes: number): void => {
    this.#doing = doing
    this.#bytes = bytes
  }
  readonly get = (): string => `${this.#doing}, ${sizeOf(this.#bytes)}`
}

async function explained<Report>(work: Promise<Report>): Promise<Report> {
  try {
    return await work
  } catch (error) {
    if (error instanceof UnavailableError || error instanceof CorruptionError) {
      const because = error.cause instanceof Error ? ` (${error.cause.message})` : ''
      throw new CommandError(`${error.message}${because}`)
    }
    const isTheirs = error instanceof BackupError || (error instanceof Error && 'syscall' in error)
    throw isTheirs ? new CommandError(error.message) : error
  }
}

function sizeOf(bytes: number): string {
  return bytes < GiB ? `${(bytes / MiB).toFixed(1)} MiB` : `${(bytes / GiB).toFixed(2)} GiB`
}
