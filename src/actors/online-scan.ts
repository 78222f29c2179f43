/**
 * Counts who is online of a conversation's members, among the users whose sessions this worker keeps, by their conversation
 * lists: no membership travels. Asked by the conversations' owners (online-counts.ts), at most a few times a second.
 */
import { type ActorKey, type ActorName, parseActorKey } from '../domain/ids.js'
import type { Clock, Timer } from '../std/clock.js'
import { entryName } from './conversation-list.js'
import type { Inbox } from './inbox.js'
import type { OwnerHandle } from './owner-link.js'
import type { Sessions } from './sessions.js'
import type { Shard } from './shard.js'

const TICK_MS = 25
/** An eighth of 256 at a time: 1,000 users are about 2 ms. */
const SHARDS_PER_TICK = 32
/** Conversations counted in one look at all users, which costs little more than a look for one. */
const PER_LOOK = 8
/** That wait to be counted; others are asked for again. */
const WAITING_MAX = 1_024

export interface OnlineScanParts {
  readonly clock: Clock
  readonly self: OwnerHandle
  /** Of this worker. */
  readonly shards: ReadonlyMap<number, Pick<Shard, 'activations'>>
  readonly sessions: Pick<Sessions, 'inboxesOf'>
}

interface Asked {
  readonly conversation: ActorKey
  readonly name: ActorName
  /** In lists. */
  readonly entry: string
  readonly askers: Set<OwnerHandle>
  online: number
}

/** Under way. */
interface Look {
  readonly asked: readonly Asked[]
  readonly shards: Iterator<[number, Pick<Shard, 'activations'>]>
  /** With sessions, and those of them whose list is in memory. */
  users: number
  known: number
}

export class OnlineScan {
  readonly #parts: OnlineScanParts
  readonly #waiting = new Map<ActorKey, Asked>()
  #look: Look | undefined
  #timer: Timer | undefined

  constructor(parts: OnlineScanParts) {
    this.#parts = parts
  }

  /** `from` hears `onlineTold`, or nothing. */
  ask(from: OwnerHandle, conversation: ActorKey): void {
    let asked = this.#waiting.get(conversation)
    if (asked === undefined) {
      if (this.#waiting.size >= WAITING_MAX) return
      const name = parseActorKey(conversation)
      asked = { conversation, name, entry: entryName(name.kind, name.id), askers: new Set(), online: 0 }
      this.#waiting.set(conversation, asked)
    }
    asked.askers.add(from)
    this.#later()
  }

  close(): void {
    this.#timer?.cancel()
  }

  #later(): void {
    this.#timer ??= this.#parts.clock.after(TICK_MS, () => {
      this.#timer = undefined
      this.#look ??= this.#begin()
      if (!this.#goOn(this.#look)) this.#look = undefined
      if (this.#look !== undefined || this.#waiting.size > 0) this.#later()
    })
  }

  #begin(): Look {
    const asked = [...this.#waiting.values()].slice(0, PER_LOOK)
    for (const { conversation } of asked) this.#waiting.delete(conversation)
    return { asked, shards: this.#parts.shards.entries(), users: 0, known: 0 }
  }

  /** Whether shards are left. */
  #goOn(look: Look): boolean {
    for (let left = SHARDS_PER_TICK; left > 0; left--) {
      const { value: shard, done } = look.shards.next()
      if (done) return this.#tell(look)
      for (const inbox of this.#parts.sessions.inboxesOf(shard[0])) {
        look.users++
        const activation = shard[1].activations.get(inbox as ActorKey)
        if (activation?.kind === 'inbox') count(look, activation.state)
      }
    }
    return true
  }

  /** The users whose list is in memory stand for the others; where there are none of those, nothing can be said. */
  #tell({ asked, users, known }: Look): false {
    if (users > 0 && known === 0) return false
    const others = known === 0 ? 1 : users / known
    for (const { conversation, askers, online } of asked) {
      for (const asker of askers) asker.onlineTold(this.#parts.self, conversation, Math.round(online * others))
    }
    return false
  }
}

function count(look: Look, { list, name }: Inbox): void {
  look.known++
  for (const asked of look.asked) if (list.isIn(asked.entry) && name.app === asked.name.app) asked.online++
}
