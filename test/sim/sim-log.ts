/**
 * One node's client of the simulated log (sim-log-server.ts): requests and answers take their time, get lost, or come when
 * nobody waits any more. Without faults it keeps test/conformance/shard-log.ts.
 */
import { UnavailableError } from '../../src/domain/errors.js'
import type { ShardId } from '../../src/domain/ids.js'
import { LIMITS } from '../../src/domain/limits.js'
import type { AppendOutcome, LoggedFrame, LogPacing, ShardLog, Tail } from '../../src/log/shard-log.js'
import { between, chance, wholeBetween } from './draw.js'
import type { Host } from './host.js'
import type { SimLogServer } from './sim-log-server.js'

export class SimLog implements ShardLog {
  readonly pacing: LogPacing
  readonly #server: SimLogServer
  readonly #host: Host
  readonly #inFlight = new Set<ShardId>()
  #carryListener: (shards: readonly ShardId[]) => void = () => {}
  #isClosed = false

  constructor(server: SimLogServer, host: Host) {
    this.#server = server
    this.#host = host
    this.pacing = server.options.kind === 'wal' ? { kind: 'grouped' } : { kind: 'streams', inFlightMax: 16 }
    server.handles.add(this)
  }

  append(shard: ShardId, frame: Uint8Array, expected: Tail): Promise<AppendOutcome> {
    if (frame.byteLength > LIMITS.logFrameBytesMax) return Promise.resolve({ kind: 'refused', why: 'too-large' })
    if (this.#isClosed) return Promise.resolve({ kind: 'unknown', cause: new Error('the log is closed') })
    // An owner that gave up its shard and takes it over anew does not wait for what its old life had in flight.
    if (this.#inFlight.has(shard)) this.#server.coverage.count('log: two appends of one caller')
    this.#inFlight.add(shard)
    return new Promise((resolve) => {
      const sent = new Uint8Array(frame)
      const settle = (outcome: AppendOutcome) => {
        timeout.cancel()
        this.#inFlight.delete(shard)
        if (Buffer.compare(frame, sent) !== 0) this.#server.onMisuse('a frame changed while it was being appended')
        resolve(outcome)
      }
      const timeout = this.#host.later(this.#server.options.timeoutMs, () =>
        settle({ kind: 'unknown', cause: new Error('timeout') }),
      )
      if (!this.#host.mayAct()) return
      this.#send(shard, sent, expected, settle)
    })
  }

  #send(shard: ShardId, frame: Uint8Array, expected: Tail, settle: (outcome: AppendOutcome) => void): void {
    const { random, faults, options, coverage, time } = this.#server
    if (chance(random, faults.requestLost)) {
      coverage.count('log: request lost')
      return
    }
    const isLate = chance(random, faults.requestLate)
    if (isLate) coverage.count('log: request arrived after its timeout')
    const isAnswerLost = isLate || chance(random, faults.answerLost)
    if (isAnswerLost && !isLate) coverage.count('log: answer lost')
    const latency = () => between(random, options.latencyMs * 0.5, options.latencyMs * 1.5)
    const delayMs = isLate ? options.timeoutMs * between(random, 0.9, 2.5) : latency()
    time.after(delayMs, () => {
      this.#server.arrive(shard, frame, expected, this.#host.name, (outcome) => {
        if (outcome.kind === 'appended' && isAnswerLost) coverage.count('log: committed unheard')
        if (!isAnswerLost) this.#host.later(latency(), () => settle(outcome))
      })
    })
  }

  async *read(shard: ShardId, after: Tail): AsyncGenerator<LoggedFrame> {
    const { random, options, faults, coverage } = this.#server
    const frames = await this.#ask(shard, () => this.#server.framesAfter(shard, after))
    const breaksAt = chance(random, faults.readFails) ? wholeBetween(random, 0, frames.length) : -1
    for (let at = 0; at < frames.length; at++) {
      if (at === breaksAt) {
        coverage.count('log: read broke off')
        throw new UnavailableError('Cannot read on: the reader was lost')
      }
      if (at % 16 === 15) await this.#host.answer(options.latencyMs, () => undefined)
      yield frames[at]!
    }
  }

  tail(shard: ShardId): Promise<Tail> {
    return this.#ask(shard, () => this.#server.tail(shard))
  }

  async #ask<Value>(shard: ShardId, read: () => Value): Promise<Value> {
    const { random, options, faults, coverage } = this.#server
    if (this.#isClosed) throw new UnavailableError('Cannot read: the log is closed')
    const isLost = chance(random, faults.readFails) || this.#server.isLeaderless(shard)
    if (!isLost) return this.#host.answer(options.latencyMs * 2, read)
    return this.#host.answer(options.latencyMs * 20, () => {
      coverage.count('log: read failed')
      throw new UnavailableError('Cannot read: the log did not answer')
    })
  }

  purge(shard: ShardId, below: Tail): void {
    if (this.#host.mayAct()) this.#server.purge(shard, below)
  }

  onCarryWanted(listener: (shards: readonly ShardId[]) => void): void {
    this.#carryListener = listener
  }

  carryWanted(shards: readonly ShardId[]): void {
    this.#host.later(this.#server.options.latencyMs, () => this.#carryListener(shards))
  }

  usage(): { readonly usedBytes: number; readonly limitBytes: number } {
    return this.#server.usage()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    this.#server.handles.delete(this)
  }
}
