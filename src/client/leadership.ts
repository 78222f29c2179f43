/**
 * Whether this tab has the lead over a shared storage: it waits for its turn, which comes when the leader's tab is gone,
 * and takes the lead from a leader that says nothing.
 */
import type { Clock, Timer } from '../std/clock.js'
import { fraction, type Random } from '../std/random.js'
import type { SharedStorage } from './storage.js'

export interface LeadershipParts {
  readonly clock: Clock
  readonly random: Random
  readonly storage: SharedStorage
  elected(): void
  /** Another tab has taken the lead from this one. */
  deposed(): void
  /** It is time to ask the leader for a word. */
  ask(): void
}

/** Spread, so that two tabs do not take the lead from each other. A tab that was frozen itself asks first. */
const ASK_MS_MIN = 2_000
const ASK_MS_SPREAD = 1_000
/** Questions in a row without a word. */
const SILENT_MAX = 5

export class Leadership {
  readonly #parts: LeadershipParts
  /** Counts how often this tab was elected, resigned or was deposed. */
  term = 0
  #layDown: (() => void) | undefined
  #isWaiting = false
  #isOver = false
  #wasHeard = true
  #silent = 0
  #timer: Timer | undefined

  constructor(parts: LeadershipParts) {
    this.#parts = parts
  }

  begin(): void {
    this.#stand(false)
    this.#watch()
  }

  get isLeading(): boolean {
    return this.#layDown !== undefined
  }

  /** The leader has said something. */
  heard(): void {
    this.#wasHeard = true
  }

  /** Lets another lead; stands again by itself after a while. */
  resign(): void {
    this.term++
    this.#layDown?.()
    this.#layDown = undefined
  }

  close(): void {
    this.#isOver = true
    this.#timer?.cancel()
    this.resign()
  }

  #watch(): void {
    const { clock, random } = this.#parts
    this.#timer = clock.after(ASK_MS_MIN + ASK_MS_SPREAD * fraction(random), () => {
      this.#watch()
      if (this.isLeading) return
      this.#silent = this.#wasHeard ? 0 : this.#silent + 1
      this.#wasHeard = false
      if (this.#silent >= SILENT_MAX) {
        this.#silent = 0
        return this.#stand(true)
      }
      this.#parts.ask()
      this.#stand(false)
    })
  }

  #stand(isForced: boolean): void {
    if (this.#isWaiting && !isForced) return
    this.#isWaiting ||= !isForced
    let layDown: (() => void) | undefined
    const lead = () =>
      new Promise<void>((resolve) => {
        if (!isForced) this.#isWaiting = false
        if (this.#isOver || this.isLeading) return resolve()
        layDown = this.#layDown = resolve
        this.#silent = 0
        this.term++
        this.#parts.elected()
      })
    this.#parts.storage.elect(isForced, lead).catch(() => {
      if (layDown === undefined) {
        if (!isForced) this.#isWaiting = false // stands again at the next look
        return
      }
      if (this.#layDown !== layDown) return
      this.#layDown = undefined
      this.#wasHeard = true
      this.term++
      this.#parts.deposed()
      this.#stand(false)
    })
  }
}
