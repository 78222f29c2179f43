/**
 * What a device wants done in one conversation, in order: one lane's commands to one target (rules §5).
 *
 * Numbers are dense from 1 and never given to another command once sent; at most a window of them is unanswered. A
 * command is sent again until its outcome is known. When the server says "not now" to one, all behind it wait with it,
 * because the server takes them in order only.
 *
 * Nothing goes out before it is stored as it goes out: a device that sent n and forgot it would give n away twice.
 */
import type { ConversationKind } from '../domain/ids.js'
import { isAboutLane, isFinalCode, REFUSALS, type RefusalName, refusalOfWire } from '../domain/refusal.js'
import type { AckFrame, EncodableFrame, RefusalFrame } from '../protocol/decoded-frame.js'
import { assert } from '../std/assert.js'

export interface ConversationName {
  readonly kind: ConversationKind
  readonly id: string
}

/** Of a conversation of the user's list: read up to `seq` (0: no word of it), and the flags that `set` names. */
export interface Mark {
  readonly conversation: ConversationName
  readonly seq: number
  readonly ordinal: number
  readonly set: number
  readonly flags: number
  /** Of the list in which it was decided; 0: not known. */
  readonly incarnation: number
}

/** The target of marks: the user's own inbox. No conversation has this name. */
export const INBOX: ConversationName = { kind: 0 as ConversationKind, id: '' }

export interface Command {
  /** The client's own name for it; a message's id. */
  readonly id: string
  readonly body:
    | { readonly kind: 'send'; readonly content: Uint8Array }
    | { readonly kind: 'change'; readonly action: number; readonly users: readonly string[] }
    | ({ readonly kind: 'mark' } & Mark)
}

export type CommandOutcome =
  /** Durable at `seq`; undefined: accepted so long ago that nobody knows where. */
  | { readonly kind: 'acked'; readonly seq: number | undefined; readonly time: number; readonly n: number }
  | { readonly kind: 'refused'; readonly code: number; readonly n: number }

/** What an answer means for the session. */
export type Verdict =
  | { readonly kind: 'done'; readonly command: Command; readonly outcome: CommandOutcome }
  /** Try again, from the lowest unanswered command on, after a while. */
  | { readonly kind: 'again'; readonly afterMs: number }
  /** This lane is of no more use here. */
  | { readonly kind: 'lane-lost'; readonly why: RefusalName }
  | { readonly kind: 'nothing' }

export interface Entry {
  readonly command: Command
  /** 0 until it is first sent. */
  n: number
  isSent: boolean
  /** Counts sendings: an old "not now" says nothing about the newest. */
  attempt: number
  /** Refused finally before the owner saw it: its n is being voided, and this code is what to report then. */
  voidFor: number | undefined
  /** Sendings from this one on are voids. */
  voidFrom: number
  /** How often the list did not know its conversation. */
  unlisted: number
  /** Counts changes of what must survive a crash: n and voidFor. */
  revision: number
  /** The revision that was handed out to be stored, and the one that is. */
  noted: number
  stored: number
}

/** A command as it survives a crash. */
export interface KeptCommand {
  readonly command: Command
  readonly n: number
  readonly voidFor: number | undefined
}

const NOTHING: Verdict = { kind: 'nothing' }
const RETRY_MS_MIN = 20
/** With the server's 100 ms, at first: half a minute in all. */
const NOT_LISTED_MAX = 13
const NOT_LISTED_DOUBLINGS = 5

/** Final refusals that a conversation's owner logs, which uses the n up. Any other came from the gateway: void it. */
const OWNERS_REFUSALS: ReadonlySet<RefusalName> = new Set<RefusalName>([
  'not-member',
  'not-owner',
  'group-full',
  'user-conversations',
  'already-exists',
  'no-such-conversation',
  'nothing-to-change',
])

export class CommandQueue {
  readonly conversation: ConversationName
  readonly #window: number
  #entries: Entry[] = []
  #nextN = 1
  #isWaiting = false

  constructor(conversation: ConversationName, window: number) {
    this.conversation = conversation
    this.#window = window
  }

  get size(): number {
    return this.#entries.length
  }

  /** The n of the next command that gets one. */
  get nextN(): number {
    return this.#nextN
  }

  add(command: Command): void {
    this.#entries.push(entryOf({ command, n: 0, voidFor: undefined }, 0))
  }

  /** Takes up what an earlier life of this device stored, in its order. */
  restore(nextN: number, kept: readonly KeptCommand[]): void {
    assert(this.#entries.length === 0 && this.#nextN === 1, 'a queue is restored before it is used')
    this.#nextN = nextN
    this.#entries = kept.map((each) => entryOf(each, 1))
  }

  /** Numbers what the window has room for, and returns what is to be stored; then tell with `stored`. */
  takeUnstored(): Entry[] {
    const unstored: Entry[] = []
    const lowest = this.#entries[0]?.n || this.#nextN
    for (const entry of this.#entries) {
      if (entry.n === 0 && this.#nextN < lowest + this.#window) {
        entry.n = this.#nextN++
        entry.revision++
      }
      if (entry.noted === entry.revision) continue
      entry.noted = entry.revision
      unstored.push(entry)
    }
    return unstored
  }

  /** `revision` of this entry survives a crash from now on. */
  stored(entry: Entry, revision: number): void {
    entry.stored = Math.max(entry.stored, revision)
  }

  /** The next command to send now, marked as sent. */
  next(): Entry | undefined {
    if (this.#isWaiting) return undefined
    const entry = this.#entries.find((each) => !each.isSent)
    if (entry === undefined || entry.n === 0 || entry.stored < entry.revision) return undefined
    entry.isSent = true
    entry.attempt++
    return entry
  }

  frameOf({ command, n, voidFor }: Entry, ref: number): EncodableFrame {
    const place = { ref, n, conversationKind: this.conversation.kind, conversation: this.conversation.id }
    if (voidFor !== undefined) return { kind: 'void', ...place }
    const { body } = command
    if (body.kind === 'send') return { kind: 'send', ...place, content: body.content }
    if (body.kind === 'mark') {
      const { conversation, seq, ordinal, set, flags, incarnation } = body
      const of = { conversationKind: conversation.kind, conversation: conversation.id }
      return { kind: 'mark', ref, n, ...of, seq, ordinal, set, flags, incarnation }
    }
    return { kind: 'change', ...place, action: body.action, users: body.users }
  }

  /** The connection is gone: what was on its way is unknown and goes out again. */
  disconnected(): void {
    this.#isWaiting = false
    for (const entry of this.#entries) entry.isSent = false
  }

  /** The wait that `again` asked for is over. */
  resume(): void {
    this.#isWaiting = false
  }

  acked(entry: Entry, ack: AckFrame): Verdict {
    const { n, seq, time } = ack
    if (entry.voidFor !== undefined && seq === 0) return this.#done(entry, { kind: 'refused', code: entry.voidFor, n })
    return this.#done(entry, { kind: 'acked', seq: seq === 0 ? undefined : seq, time, n })
  }

  /** `attempt` is the sending that this answers. */
  refused(entry: Entry, attempt: number, refusal: RefusalFrame): Verdict {
    const name = refusalOfWire(refusal.code)
    if (name !== undefined && isAboutLane(name)) {
      // Another message has this n, so this one was not accepted for certain: the next lane takes it.
      if (name === 'lane-reused' && entry.voidFor === undefined) entry.attempt = 0
      return { kind: 'lane-lost', why: name }
    }
    if (name === 'not-listed' && attempt === entry.attempt) return this.#notListed(entry, refusal)
    if (!isFinalCode(refusal.code)) return attempt === entry.attempt ? this.#again(entry, refusal) : NOTHING
    if (attempt >= entry.voidFrom || (name !== undefined && OWNERS_REFUSALS.has(name))) {
      return this.#done(entry, { kind: 'refused', code: refusal.code, n: entry.n })
    }
    if (entry.voidFor !== undefined) return NOTHING // the gateway again, about an older sending
    return this.#void(entry, refusal)
  }

  /** The list hears of a conversation within seconds. Marks behind this one wait too, so not for ever. */
  #notListed(entry: Entry, refusal: RefusalFrame): Verdict {
    entry.unlisted++
    if (entry.unlisted > NOT_LISTED_MAX) {
      return this.#void(entry, { ...refusal, code: REFUSALS['no-such-conversation'].wire })
    }
    const retryAfterMs = refusal.retryAfterMs * 2 ** Math.min(entry.unlisted - 1, NOT_LISTED_DOUBLINGS)
    return this.#again(entry, { ...refusal, retryAfterMs })
  }

  #void(entry: Entry, refusal: RefusalFrame): Verdict {
    entry.voidFor = refusal.code
    entry.voidFrom = entry.attempt + 1
    entry.revision++
    return this.#again(entry, refusal)
  }

  /** No answer came to this sending in time. */
  unanswered(entry: Entry, attempt: number): Verdict {
    return attempt === entry.attempt && entry.isSent ? this.#again(entry) : NOTHING
  }

  #again(entry: Entry, refusal?: RefusalFrame): Verdict {
    const expected = refusal?.expected ?? 0
    const lowest = this.#entries[0]
    if (lowest === undefined) return NOTHING
    if (expected > 0 && expected < lowest.n) return { kind: 'lane-lost', why: 'send-gap' }
    const from = expected > 0 ? Math.min(expected, entry.n) : entry.n
    for (const each of this.#entries) if (each.n >= from) each.isSent = false
    if (this.#isWaiting) return NOTHING
    this.#isWaiting = true
    return { kind: 'again', afterMs: Math.max(RETRY_MS_MIN, refusal?.retryAfterMs ?? 0) }
  }

  #done(entry: Entry, outcome: CommandOutcome): Verdict {
    const at = this.#entries.indexOf(entry)
    if (at < 0) return NOTHING
    this.#entries.splice(at, 1)
    return { kind: 'done', command: entry.command, outcome }
  }

  /** A new lane begins at 1. Returns what may or may not have been accepted in the old one; the rest goes on, and marks,
   *  which say the same twice: a reading goes by max, and whoever set something wants it so. */
  changeLane(): Command[] {
    const isUnknown = ({ attempt, command }: Entry) => attempt > 0 && command.body.kind !== 'mark'
    const unknown = this.#entries.filter(isUnknown).map((entry) => entry.command)
    this.#entries = this.#entries.filter((entry) => !isUnknown(entry))
    for (const entry of this.#entries) {
      entry.n = 0
      entry.attempt = 0
      entry.voidFor = undefined
      entry.voidFrom = Number.POSITIVE_INFINITY
      entry.isSent = false
      entry.revision++
    }
    this.#nextN = 1
    this.#isWaiting = false
    return unknown
  }
}

function entryOf({ command, n, voidFor }: KeptCommand, stored: number): Entry {
  const voidFrom = voidFor === undefined ? Number.POSITIVE_INFINITY : 2
  const attempt = n > 0 ? 1 : 0 // an earlier life may have sent it
  return { command, n, voidFor, voidFrom, isSent: false, attempt, unlisted: 0, revision: 1, noted: stored, stored }
}
