/**
 * What a process and all its descendants cost, from /proc: user and system time of every thread (those that ended
 * included), and resident memory.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Linux counts in ticks of 10 ms on every machine that Node runs on. */
const TICK_MICROS = 10_000
const PAGE_BYTES = 4096

/** Below this share of one core, over this long, a process counts as having nothing left to do. */
const IDLE_FRACTION = 0.02
const IDLE_WINDOW_MS = 300

export class ProcessTree {
  readonly #root: number

  constructor(root: number) {
    this.#root = root
  }

  /** The root and its descendants that are alive now. */
  pids(): number[] {
    const children = new Map<number, number[]>()
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue
      const parent = Number(statFields(Number(entry))?.[PARENT])
      if (Number.isNaN(parent)) continue
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)])
    }
    const found = [this.#root]
    for (const pid of found) found.push(...(children.get(pid) ?? []))
    return found
  }

  /** User + system time since the processes started, children that were waited for included. */
  cpuMicros(): number {
    let ticks = 0
    for (const pid of this.pids()) {
      const fields = statFields(pid)
      if (fields === undefined) continue
      for (const field of CPU_TICKS) ticks += Number(fields[field])
    }
    return ticks * TICK_MICROS
  }

  residentBytes(): number {
    let pages = 0
    for (const pid of this.pids()) pages += Number(read(`/proc/${pid}/statm`)?.split(' ')[1] ?? 0)
    return pages * PAGE_BYTES
  }

  /** Resident memory; of it, what is not shared with a file (the rest is programs and the store's map). */
  memory(): { readonly residentBytes: number; readonly privateBytes: number } {
    let privateBytes = 0
    for (const pid of this.pids()) {
      const [, resident, shared] = (read(`/proc/${pid}/statm`) ?? '0 0 0').split(' ').map(Number)
      privateBytes += (resident! - shared!) * PAGE_BYTES
    }
    return { residentBytes: this.residentBytes(), privateBytes }
  }

  /** Resolves once the processes have been idle for IDLE_WINDOW_MS; rejects after `timeoutMs`. */
  async idle(timeoutMs: number): Promise<void> {
    const giveUpAt = performance.now() + timeoutMs
    for (let before = this.#threadMicros(); ; ) {
      const from = performance.now()
      await sleep(IDLE_WINDOW_MS)
      const after = this.#threadMicros()
      if (after - before < IDLE_FRACTION * 1000 * (performance.now() - from)) return
      if (performance.now() > giveUpAt) throw new Error(`The server is still busy ${timeoutMs} ms after the load ended`)
      before = after
    }
  }

  /** Finer than ticks, but only of threads that are alive: good for telling idle from busy. */
  #threadMicros(): number {
    let nanos = 0
    for (const pid of this.pids()) {
      for (const thread of list(`/proc/${pid}/task`)) {
        nanos += Number(read(`/proc/${pid}/task/${thread}/schedstat`)?.split(' ')[0] ?? 0)
      }
    }
    return nanos / 1000
  }
}

/** Fields of /proc/PID/stat after the command's name, which may hold spaces and parentheses. */
const PARENT = 1
const CPU_TICKS = [11, 12, 13, 14] // utime, stime, cutime, cstime

function statFields(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** A process may end between being listed and being read. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
