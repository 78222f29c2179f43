/**
 * The actors of one shard that are in memory: made from their rows when first asked for, retired when idle.
 *
 * Commands for an actor whose row is being read park here, in order, at most LIMITS.mailboxMax together and none longer
 * than LIMITS.parkMs. `reset` throws everything away; what was asked of the store before is then for nobody.
 */
import { UnavailableError } from '../domain/errors.js'
import { type ActorKey, type ActorName, actorKey } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { RefusalName } from '../domain/refusal.js'
import type { Clock } from '../std/clock.js'
import type { MessageStore } from '../storage/message-store.js'
import { type Activation, activate } from './activation.js'
import { type Checkpointed, cutCheckpoint, type PendingCheckpoint } from './checkpoint.js'
import type { ActorsEvents } from './events.js'
import { Mailbox, type ParkedCommand } from './mailbox.js'

export interface ActivationsParts {
  readonly store: MessageStore
  readonly clock: Clock
  readonly events: ActorsEvents
  /** The actor is there: decide. */
  unpark(command: ParkedCommand): void
  /** An actor's row was read, in a shard that serves. */
  loaded(activation: Activation): void
  /** Rests on no state, so it may leave at once. */
  refuse(command: ParkedCommand, why: RefusalName): void
}

export class Activations {
  readonly #parts: ActivationsParts
  readonly #byKey = new Map<ActorKey, Activation>()
  readonly #dirty = new Set<Checkpointed>()
  readonly #loading = new Map<ActorKey, Mailbox>()
  readonly #reads = new Map<ActorKey, Promise<Activation | undefined>>()
  #parked = 0
  #life = 0

  constructor(parts: ActivationsParts) {
    this.#parts = parts
  }

  get(key: ActorKey): Activation | undefined {
    return this.#byKey.get(key)
  }

  all(): Iterable<Activation> {
    return this.#byKey.values()
  }

  get count(): number {
    return this.#byKey.size
  }

  get hasChanges(): boolean {
    return this.#dirty.size > 0
  }

  /** For work that awaits: false once the state it began with was thrown away. */
  lifeCheck(): () => boolean {
    const life = this.#life
    return () => life === this.#life
  }

  /** It changed: its row follows with the next cut. */
  touched(activation: Checkpointed): void {
    if (activation.isDirty) return
    activation.isDirty = true
    this.#dirty.add(activation)
  }

  cut(): PendingCheckpoint {
    return cutCheckpoint(this.#dirty)
  }

  /** Everything is void; those who wait hear `unknown`. */
  reset(): void {
    this.#life++
    this.#byKey.clear()
    this.#dirty.clear()
    for (const mailbox of this.#loading.values()) {
      for (let parked = mailbox.take(); parked !== undefined; parked = mailbox.take()) parked.link.unknown(parked.k)
    }
    this.#loading.clear()
    this.#reads.clear()
    this.#parked = 0
  }

  /** Commands whose actors are being read. */
  get parkedCount(): number {
    return this.#parked
  }

  // ── Loading ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Reads the actor's row, and then unparks what came for it. */
  park(command: ParkedCommand): void {
    if (this.#parked >= LIMITS.mailboxMax) return this.#parts.refuse(command, 'mailbox-full')
    this.#parked++
    const { key, name } = command.target
    const loading = this.#loading.get(key)
    if (loading !== undefined) return loading.offer(command)
    const mailbox = new Mailbox()
    mailbox.offer(command)
    this.#loading.set(key, mailbox)
    void this.#load(key, name, mailbox)
  }

  async #load(key: ActorKey, name: ActorName, mailbox: Mailbox): Promise<void> {
    const isCurrent = this.lifeCheck()
    const activation = await this.load(name)
    if (!isCurrent()) return
    this.#loading.delete(key)
    for (let parked = mailbox.take(); parked !== undefined; parked = mailbox.take()) {
      this.#parked--
      if (activation === undefined) this.#parts.refuse(parked, 'store-behind')
      else this.#parts.unpark(parked)
    }
  }

  /** The actor, its row read where it is not in memory; undefined where that failed or this life is over. One read at a
   *  time per actor: a second one could bring back an older row after the first one's actor had changed and retired. */
  async load(name: ActorName): Promise<Activation | undefined> {
    const key = actorKey(name.app, name.kind, name.id)
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    let read = this.#reads.get(key)
    if (read === undefined) {
      read = this.#read(key, name)
      this.#reads.set(key, read)
    }
    return await read
  }

  async #read(key: ActorKey, name: ActorName): Promise<Activation | undefined> {
    const isCurrent = this.lifeCheck()
    let activation: Activation | undefined
    try {
      const row = await this.#parts.store.readActor(key)
      if (!isCurrent()) return undefined
      activation = activate(key, name, row)
      this.#byKey.set(key, activation)
      this.#parts.loaded(activation)
    } catch (cause) {
      if (!isCurrent()) return undefined
      this.#parts.events.rowUnreadable({ actor: name, cause })
    }
    this.#reads.delete(key)
    return activation
  }

  /** Whoever has waited too long for a row hears so; the row may still come for the others. */
  expire(): void {
    const before = this.#parts.clock.monotonic() - LIMITS.parkMs
    for (const mailbox of this.#loading.values()) {
      while ((mailbox.peek()?.since ?? before) < before) {
        this.#parked--
        this.#parts.refuse(mailbox.take()!, 'store-behind')
      }
    }
  }

  /**
   * The actor, from its row where it is not in memory. Throws UnavailableError, also where everything was reset while the
   * row was read: 1. a replay waits for a row; 2. the shard is given up and taken over again; 3. that replay reads the
   * row, brings the actor up to date and serves; 4. the first one's row arrives, and would put an old state in its place.
   */
  async forReplay(name: ActorName): Promise<Activation> {
    const key = actorKey(name.app, name.kind, name.id)
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const assertCurrent = this.replayCheck()
    const row = await this.#parts.store.readActor(key)
    assertCurrent()
    const activation = activate(key, name, row)
    this.#byKey.set(key, activation)
    return activation
  }

  /** For a replay: throws UnavailableError once the state it began with was thrown away. */
  replayCheck(): () => void {
    const isCurrent = this.lifeCheck()
    return () => {
      if (!isCurrent()) throw new UnavailableError('Cannot go on with a replay: a later one has begun')
    }
  }

  // ── Memory ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Bytes of recent events held. */
  tailBytes(): number {
    let bytes = 0
    for (const activation of this.#byKey.values()) {
      if (activation.kind === 'conversation') bytes += activation.tail.heldBytes
    }
    return bytes
  }

  /** Lets go of recent events that the store has, where a conversation holds more of them than `keepBytes`. */
  trimTails(keepBytes: number): void {
    for (const activation of this.#byKey.values()) {
      if (activation.kind === 'conversation') activation.tail.trim(activation.storedSeq, keepBytes)
    }
  }

  /** Retires up to `count` actors whose rows hold everything, those not used since the last sweep. */
  retire(count: number): number {
    let retired = 0
    for (const [key, activation] of this.#byKey) {
      if (retired >= count) break
      if (activation.isWarm) activation.isWarm = false
      else if (activation.mayRetire) {
        this.#byKey.delete(key)
        if (activation.kind === 'conversation') activation.tail.release()
        retired++
      }
    }
    return retired
  }
}
