/**
 * What `parley doctor` sees of this machine. Leaves nothing behind: what it writes into the data folder it takes away,
 * and a folder that is not there yet is judged by the nearest one above it.
 */
import { createHash } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config.js'
import { packageFolder } from '../package-version.js'
import { type Clock, sleep } from '../std/clock.js'
import { type PortProblem, portProblem } from './port-probe.js'

export interface NativeBinary {
  readonly path: string
  readonly version: string
  readonly sha256: string
  /** Why it cannot be used. */
  readonly problem: string | undefined
}

export interface DoctorProbe {
  readonly host: string
  readonly port: number
  /** Undefined: none is wanted. */
  readonly tcpPort: number | undefined
  readonly dataFolder: string
  /** Of all workers. */
  readonly connectionsMax: number
  readonly connectionsPerAddressMax: number
  /** `20.15.0`. */
  readonly nodeVersion: string
  now(): number
  nativeBinary(): Promise<NativeBinary>
  openFilesMax(): number
  /** An error code; undefined: it can be written. */
  writeProblem(): string | undefined
  freeBytes(): number
  /** Median of a few; undefined where nothing can be written. */
  syncMs(): Promise<number | undefined>
  /** When the youngest file of the data was written; undefined: there is none. */
  newestDataMs(): number | undefined
  portProblem(): Promise<PortProblem | undefined>
  tcpPortProblem(tcpPort: number): Promise<PortProblem | undefined>
}

type Place = Pick<Config, 'host' | 'port' | 'tcpPort' | 'dataFolder' | 'workers' | 'limits'>

const SYNC_BYTES = 4096
const SYNCS = 21

export function probeOf({ host, port, tcpPort, dataFolder, workers, limits }: Place, clock: Clock): DoctorProbe {
  const folder = nearestFolder(dataFolder)
  return {
    host,
    port,
    tcpPort,
    dataFolder,
    connectionsMax: workers * limits.connectionsPerWorkerMax,
    connectionsPerAddressMax: limits.connectionsPerAddressMax,
    nodeVersion: process.versions.node,
    now: () => clock.now(),
    nativeBinary: async () => nativeBinary(),
    openFilesMax,
    writeProblem: () => writeProblem(folder, dataFolder),
    freeBytes() {
      const { bavail, bsize } = statfsSync(folder)
      return bavail * bsize
    },
    syncMs: () => measureSync(folder, clock),
    newestDataMs: () => newestDataMs(dataFolder),
    portProblem: () => portProblem(host, port, 'PARLEY_PORT'),
    tcpPortProblem: (wanted) => portProblem(host, wanted, 'PARLEY_TCP_PORT'),
  }
}

function nearestFolder(path: string): string {
  return existsSync(path) ? path : nearestFolder(dirname(path))
}

function writeProblem(folder: string, dataFolder: string): string | undefined {
  try {
    if (!statSync(folder).isDirectory()) return `${folder} is a file`
    rmdirSync(mkdtempSync(join(folder, '.doctor-'))) // rights alone do not say it: nobody makes folders in /proc
    for (const inner of ['log', 'store']) {
      const path = join(dataFolder, inner)
      if (existsSync(path)) accessSync(path, constants.W_OK | constants.X_OK)
    }
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

/** The package has a binary per system, processor and Node ABI; the right one is loaded, which shows that it works. */
function nativeBinary(): NativeBinary {
  let entry: string
  try {
    entry = fileURLToPath(import.meta.resolve('uWebSockets.js'))
  } catch {
    return { path: 'not installed', version: '-', sha256: '', problem: 'the package is missing' }
  }
  const { platform, arch, versions } = process
  const path = join(dirname(entry), 'bin', `uws_${platform}_${arch}_${versions.modules}.node`)
  const manifest = readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  if (!existsSync(path)) {
    const problem = `there is none for ${platform} ${arch} and Node ${versions.node}`
    return { path: shortened(path), version, sha256: '', problem }
  }
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex')
  let problem: string | undefined
  try {
    createRequire(import.meta.url)(path)
  } catch (error) {
    problem = (error as Error).message.split('\n')[0]
  }
  return { path: shortened(path), version, sha256, problem }
}

function shortened(path: string): string {
  const folder = `${packageFolder()}/`
  return path.startsWith(folder) ? path.slice(folder.length) : path
}

/** Node raises the soft limit to the hard one when it starts, so the soft one of this process is what a server gets. */
function openFilesMax(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1]
    return soft === undefined || soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY // no Linux: nothing known
  }
}

async function measureSync(folder: string, clock: Clock): Promise<number | undefined> {
  let scratch: string
  try {
    scratch = mkdtempSync(join(folder, '.doctor-'))
  } catch {
    return undefined
  }
  try {
    const file = openSync(join(scratch, 'sync'), 'w')
    const bytes = Buffer.alloc(SYNC_BYTES, 1)
    const tookMs: number[] = []
    writeSync(file, Buffer.alloc(SYNC_BYTES * SYNCS))
    fdatasyncSync(file) // as the log does: into space that the file has already
    for (let at = 0; at < SYNCS; at++) {
      const startedAt = clock.monotonic()
      writeSync(file, bytes, 0, SYNC_BYTES, at * SYNC_BYTES)
      fdatasyncSync(file)
      tookMs.push(clock.monotonic() - startedAt)
      await sleep(clock, 0)
    }
    closeSync(file)
    return tookMs.sort((a, b) => a - b)[SYNCS >> 1]
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

function newestDataMs(dataFolder: string): number | undefined {
  const times = ['log', 'store'].flatMap((inner) => {
    try {
      return readdirSync(join(dataFolder, inner)).map((name) => statSync(join(dataFolder, inner, name)).mtimeMs)
    } catch {
      return []
    }
  })
  return times.length === 0 ? undefined : Math.max(...times)
}
