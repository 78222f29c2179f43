/**
 * The supervising parent: starts the server process and starts it again when it dies, which heap exhaustion or a fault
 * in native code may do to it at any time. It holds no state and does nothing else, so there is nothing to fail here.
 *
 * SIGTERM and SIGINT are passed on, and the exit code is then the server's; SIGHUP is passed on to a server that serves.
 * A server that dies before it has ever served is not started again: somebody must look.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { LIMITS } from './domain/limits.js'
import { serverNodeFlags } from './node-flags.js'
import { EXIT_CONFIG, type Ports, type ServingNotice } from './process-messages.js'
import { RestartPause } from './restart-pause.js'

/** A server that has not drained by then is killed. */
const STOP_WITHIN_MS = LIMITS.drainMs + 5_000

/** Threads for file operations, shared by all workers: each may have a sync in flight, and none should wait for it. */
const FILE_THREADS = '16'

export interface Supervised {
  /** Of the built server. */
  readonly script: string
  readonly environment: NodeJS.ProcessEnv
  /** Absent: as many as the server takes by itself. */
  readonly workers: number | undefined
  /** Whether it tells that it serves as a line of JSON. */
  readonly json?: boolean
}

/** A start that takes longer, of a long log or a slow disk, says so every second. */
const PROGRESS_AFTER_S = 2

/** Returns at once; the process ends when the server is not to be started again. */
export function supervise({ script, environment, workers, json = false }: Supervised): void {
  /** Those we were started with come last: they win. */
  const flags = [...serverNodeFlags(workers, availableParallelism()), ...process.execArgv]
  const pause = new RestartPause()
  let child: ChildProcess | undefined
  let progress: NodeJS.Timeout | undefined
  let served: Ports | undefined
  let isServing = false
  let isReloadWanted = false
  let isStopping = false

  process.on('SIGTERM', () => stop('SIGTERM'))
  process.on('SIGINT', () => stop('SIGINT'))
  process.on('SIGHUP', () => {
    isReloadWanted = true
    if (isServing) reload()
  })
  begin()

  /** A server that is starting has no ear for the signal yet, and may have read the file before it changed. */
  function reload(): void {
    if (isReloadWanted) child?.kill('SIGHUP')
    isReloadWanted = false
  }

  function begin(): void {
    pause.began(performance.now())
    // The channel tells us that it serves, and tells it that we are gone: no server outlives its parent.
    child = spawn(process.execPath, [...flags, script, ...(json ? ['--json'] : [])], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: {
        UV_THREADPOOL_SIZE: FILE_THREADS,
        ...environment,
        ...(served !== undefined && {
          PARLEY_PORT: `${served.port}`,
          PARLEY_TCP_PORT: `${served.tcpPort ?? 'off'}`,
        }),
      },
    })
    child.on('message', ({ ports }: ServingNotice) => {
      served = ports
      isServing = true
      clearInterval(progress)
      reload()
    })
    child.on('exit', ended)
    let seconds = 0
    progress = setInterval(() => {
      if (++seconds >= PROGRESS_AFTER_S)
        process.stderr.write(`starting: recovering the log, taking shards over… ${seconds} s\n`)
    }, 1_000)
  }

  function ended(code: number | null, signal: NodeJS.Signals | null): void {
    child = undefined
    isServing = false
    clearInterval(progress)
    if (isStopping || code === EXIT_CONFIG || served === undefined) process.exit(code ?? 1)
    const pauseMs = pause.next(performance.now())
    process.stderr.write(`Parley ended (${signal ?? `exit code ${code}`}); starting it again\n`)
    setTimeout(() => (isStopping ? process.exit(0) : begin()), pauseMs)
  }

  function stop(signal: NodeJS.Signals): void {
    isStopping = true
    if (child === undefined) process.exit(0)
    child.kill(signal)
    setTimeout(() => child?.kill('SIGKILL'), STOP_WITHIN_MS).unref()
  }
}
