/**
 * Decides which shards append when, by the pacing of the log: the WAL takes every ready shard in one write when the
 * last one has settled; JetStream takes a bounded number side by side, fullest first, none passed over more than three
 * times (rules §13).
 *
 * Self-clocking: what arrives during one round leaves with the next, and no timer is involved. The next round starts
 * before the answers of the last one are released, so that the disk works while the sockets are written.
 */
import type { LogPacing } from '../log/shard-log.js'
import type { Clock } from '../std/clock.js'
import type { CommitLoop } from './commit-loop.js'

const PASSED_OVER_MAX = 3

export class CommitScheduler {
  readonly #pacing: LogPacing
  readonly #clock: Clock
  readonly #ready = new Set<CommitLoop>()
  readonly #passedOver = new Map<CommitLoop, number>()
  #releases: (() => void)[] = []
  #inFlight = 0
  #isWoken = false

  constructor(pacing: LogPacing, clock: Clock) {
    this.#pacing = pacing
    this.#clock = clock
  }

  /** The shard has a batch to append and nothing in flight. */
  ready(loop: CommitLoop): void {
    this.#ready.add(loop)
    if (this.#isWoken) return
    this.#isWoken = true
    this.#clock.soon(() => {
      this.#isWoken = false
      this.#pump()
    })
  }

  #pump(): void {
    if (this.#pacing.kind === 'grouped') {
      if (this.#inFlight === 0) for (const loop of this.#take(this.#ready)) this.#start(loop)
      return
    }
    const room = this.#pacing.inFlightMax - this.#inFlight
    if (room <= 0 || this.#ready.size === 0) return
    for (const loop of this.#take(this.#fullest(room))) this.#start(loop)
    for (const loop of this.#ready) this.#passedOver.set(loop, (this.#passedOver.get(loop) ?? 0) + 1)
  }

  #fullest(room: number): CommitLoop[] {
    const urgency = (loop: CommitLoop): number =>
      (this.#passedOver.get(loop) ?? 0) >= PASSED_OVER_MAX ? Number.POSITIVE_INFINITY : loop.waitingBytes
    return [...this.#ready].sort((a, b) => urgency(b) - urgency(a)).slice(0, room)
  }

  #take(chosen: Iterable<CommitLoop>): CommitLoop[] {
    const taken = [...chosen]
    for (const loop of taken) {
      this.#ready.delete(loop)
      this.#passedOver.delete(loop)
    }
    return taken
  }

  #start(loop: CommitLoop): void {
    const appended = loop.appendNext()
    if (appended === undefined) return
    this.#inFlight++
    void appended.then((release) => {
      this.#inFlight--
      if (release !== undefined) this.#releases.push(release)
      if (this.#pacing.kind === 'grouped' && this.#inFlight > 0) return
      this.#pump()
      const releases = this.#releases
      this.#releases = []
      for (const run of releases) run()
    })
  }
}
