/**
 * Decides which shards append when, by the pacing of the log: the WAL takes every ready shard in one write when the
 * last one has settled; JetStream takes a bounded number side by side, fullest first, none passed over more than three
 * times (rules §13).
 *
 * Self-clocking: what arrives during one round leaves with the next, which starts at the end of the turn in which the
 * last one settled: after all sockets that were ready have been read, and before they are written to, so that the disk
 * works meanwhile. A round costs this thread something for every shard in it, however little that shard has, and a
 * write for every socket it answers: so rounds keep a distance in proportion to their cost, which an idle log never
 * feels (ADR 37).
 */
import type { LogPacing } from '../log/shard-log.js'
import type { Clock } from '../std/clock.js'
import type { CommitLoop } from './commit-loop.js'

const PASSED_OVER_MAX = 3
/** Grouped: to begin rounds takes at most one part in so many of the thread's time. */
const ROUND_SHARE = 4
const PAUSE_MS_MAX = 6
/** Timers are no finer. */
const EARLY_MS_MIN = 0.5

export class CommitScheduler {
  readonly #pacing: LogPacing
  readonly #clock: Clock
  #ready: CommitLoop[] = []
  readonly #passedOver = new Map<CommitLoop, number>()
  #releases: (() => void)[] = []
  #inFlight = 0
  /** Grouped: when the next round may start. */
  #notBefore = 0
  #isPausing = false
  #isWoken = false

  constructor(pacing: LogPacing, clock: Clock) {
    this.#pacing = pacing
    this.#clock = clock
  }

  /** The shard has a batch to append and nothing in flight. */
  ready(loop: CommitLoop): void {
    if (!loop.isQueued) {
      loop.isQueued = true
      this.#ready.push(loop)
    }
    this.#wake()
  }

  #wake(): void {
    if (this.#isWoken) return
    this.#isWoken = true
    this.#clock.soon(() => {
      this.#isWoken = false
      this.#pump()
    })
  }

  #pump(): void {
    if (this.#pacing.kind === 'grouped') {
      this.#pumpGroup()
      return
    }
    this.#pumpStreams(this.#pacing.inFlightMax)
  }

  #pumpStreams(inFlightMax: number): void {
    const inFlightBefore = this.#inFlight
    // Again where some had nothing to append after all: they were stopped meanwhile.
    while (this.#ready.length > 0 && this.#inFlight < inFlightMax) {
      const fullest = this.#fullest(inFlightMax - this.#inFlight)
      this.#ready = this.#ready.filter((loop) => !fullest.includes(loop))
      for (const loop of fullest) {
        this.#passedOver.delete(loop)
        this.#start(loop)
      }
    }
    if (this.#inFlight === inFlightBefore) return
    for (const loop of this.#ready) this.#passedOver.set(loop, (this.#passedOver.get(loop) ?? 0) + 1)
  }

  #pumpGroup(): void {
    if (this.#inFlight > 0 || this.#ready.length === 0 || this.#isPausing) return
    const startedAt = this.#clock.monotonic()
    const earlyMs = this.#notBefore - startedAt
    if (earlyMs >= EARLY_MS_MIN) {
      this.#isPausing = true
      this.#clock.after(earlyMs, () => {
        this.#isPausing = false
        this.#pumpGroup()
      })
      return
    }
    const round = this.#ready
    this.#ready = []
    for (const loop of round) this.#start(loop)
    const tookMs = this.#clock.monotonic() - startedAt
    this.#notBefore = startedAt + Math.min(PAUSE_MS_MAX, tookMs * ROUND_SHARE)
  }

  #fullest(room: number): CommitLoop[] {
    const urgency = (loop: CommitLoop): number =>
      (this.#passedOver.get(loop) ?? 0) >= PASSED_OVER_MAX ? Number.POSITIVE_INFINITY : loop.waitingBytes
    return [...this.#ready].sort((a, b) => urgency(b) - urgency(a)).slice(0, room)
  }

  #start(loop: CommitLoop): void {
    loop.isQueued = false
    const appended = loop.appendNext()
    if (appended === undefined) return
    this.#inFlight++
    void appended.then(this.#settled)
  }

  readonly #settled = (release: (() => void) | undefined): void => {
    this.#inFlight--
    if (release !== undefined) this.#releases.push(release)
    if (this.#pacing.kind === 'grouped' && this.#inFlight > 0) return
    this.#wake()
    const releases = this.#releases
    this.#releases = []
    for (const run of releases) run()
  }
}
