/**
 * Lanes: why a resend is never a second message (rules §5), in bounded memory.
 *
 * A lane is one client's queue: (device, number, 64 random bits). Per actor it remembers the last n that was decided and
 * the outcomes of the last LIMITS.laneWindow. An outcome is a seq, or a refusal that consumed its n.
 */
import { isKeyedLane } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { assert } from '../std/assert.js'
import { KeyedOutcomes } from './keyed-outcomes.js'

export interface LaneName {
  readonly device: string
  readonly number: number
  readonly random: bigint
}

export type LaneVerdict =
  | { readonly kind: 'next' }
  | { readonly kind: 'gap'; readonly expected: number }
  | { readonly kind: 'accepted'; readonly seq: number; readonly time: number }
  | { readonly kind: 'refused'; readonly wireCode: number }
  | { readonly kind: 'already-accepted' }
  | { readonly kind: 'reused' }

const NEXT: LaneVerdict = { kind: 'next' }
const REUSED: LaneVerdict = { kind: 'reused' }

const SLOT = 3
const TIME = 1
const HASH = 2

/** One lane's memory in one actor. */
export class Lane {
  readonly name: LaneName
  /** The highest n decided; 0 for a new lane. */
  last = 0
  /** The first n that was recorded here, less one: where the window's slots begin. */
  #base = 0
  /**
   * Of each n of the window: a seq, or minus the wire code of the refusal (0: a void); the time; the hash. One array of
   * numbers, because there are as many lanes as people in conversations: typed arrays would cost each of them three
   * buffers outside the heap.
   */
  readonly #window: number[] = []

  constructor(name: LaneName) {
    this.name = name
  }

  is(name: LaneName): boolean {
    return this.name.number === name.number && this.name.device === name.device && this.name.random === name.random
  }

  /** What to answer a command with this n and content hash. Changes nothing. */
  judge(n: number, hash: number): LaneVerdict {
    if (n === this.last + 1) return NEXT
    if (n <= this.last && n > this.last - LIMITS.laneWindow && this.#window[this.#slot(n) + HASH] !== hash)
      return REUSED
    return this.judgeAny(n)
  }

  /** The same for a void, which says nothing and so matches whatever stands at its n. */
  judgeAny(n: number): LaneVerdict {
    if (n === this.last + 1) return NEXT
    if (n > this.last) return { kind: 'gap', expected: this.last + 1 }
    if (n <= this.last - LIMITS.laneWindow) return { kind: 'already-accepted' }
    const slot = this.#slot(n)
    const outcome = this.#window[slot]!
    if (outcome <= 0) return { kind: 'refused', wireCode: -outcome }
    return { kind: 'accepted', seq: outcome, time: this.#window[slot + TIME]! }
  }

  #slot(n: number): number {
    return SLOT * ((n - this.#base - 1) % LIMITS.laneWindow)
  }

  /** Takes the outcome of n = last + 1. `outcome`: the seq, or minus the refusal's wire code. */
  record(n: number, hash: number, outcome: number, time: number): void {
    assert(n === this.last + 1, () => `lane gap: last ${this.last}, n ${n}`)
    const slot = this.#slot(n)
    const window = this.#window
    if (slot === window.length) window.push(outcome, time, hash)
    else {
      window[slot] = outcome
      window[slot + TIME] = time
      window[slot + HASH] = hash
    }
    this.last = n
  }

  /** How many outcomes are remembered. */
  get remembered(): number {
    return Math.min(this.last, LIMITS.laneWindow)
  }

  /** The remembered outcomes, oldest first. */
  forEach(take: (n: number, hash: number, outcome: number, time: number) => void): void {
    for (let n = this.last - this.remembered + 1; n <= this.last; n++) {
      const slot = this.#slot(n)
      take(n, this.#window[slot + HASH]!, this.#window[slot]!, this.#window[slot + TIME]!)
    }
  }

  /** Begins a lane read from its row, whose first remembered outcome will be for n = last + 1. */
  startAfter(last: number): void {
    this.last = last
    this.#base = last
  }
}

/** No device is called that. */
const OF_ALL = ''

/** The lanes of one user in one actor. Numbers grow over all devices of a user, so a low one is an old one. */
export class UserLanes {
  /** Newest use first, so that the common search ends at once. */
  readonly lanes: Lane[] = []
  /** The highest lane number dropped, per device, and of all devices under OF_ALL: it and everything below is refused for ever. */
  readonly retired = new Map<string, number>()
  /** Of commands that servers gave in this user's name; undefined: none yet. */
  keyed: KeyedOutcomes | undefined

  find(name: LaneName): Lane | undefined {
    for (const lane of this.lanes) if (lane.is(name)) return lane
    return undefined
  }

  isRetired(name: LaneName): boolean {
    if (this.retired.size === 0) return false
    return name.number <= Math.max(this.retired.get(name.device) ?? 0, this.retired.get(OF_ALL) ?? 0)
  }

  /** The lane, made if it is new; a device's ninth, or one more than a user may have, drops the lowest-numbered. */
  open(name: LaneName): Lane {
    const known = this.find(name)
    if (known !== undefined) return known
    const lane = new Lane(name)
    this.lanes.unshift(lane)
    const ofDevice = this.lanes.filter((each) => each.name.device === name.device)
    if (ofDevice.length > LIMITS.lanesPerDeviceMax) this.#retire(ofDevice, name.device)
    else if (this.lanes.length > LIMITS.lanesPerUserMax) this.#retire(this.lanes, OF_ALL)
    return lane
  }

  #retire(of: readonly Lane[], whose: string): void {
    const lowest = of.reduce((a, b) => (a.name.number <= b.name.number ? a : b))
    this.lanes.splice(this.lanes.indexOf(lowest), 1)
    const upTo = Math.max(lowest.name.number, this.retired.get(whose) ?? 0)
    this.retired.set(whose, upTo)
    if (whose !== OF_ALL) return
    for (const [device, number] of this.retired) if (device !== OF_ALL && number <= upTo) this.retired.delete(device)
  }

  record(name: LaneName, n: number, hash: number, outcome: number, time: number): void {
    if (!isKeyedLane(name.number)) return this.open(name).record(n, hash, outcome, time)
    this.keyed ??= new KeyedOutcomes()
    this.keyed.record({ key: name.random, hash, seq: outcome, time })
  }
}
