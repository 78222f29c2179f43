/**
 * What a device wants done in one conversation, in order: one lane's commands to one target (rules §5).
 *
 * Numbers are dense from 1 and never given to another command once sent; at most a window of them is unanswered. A
 * command is sent again until its outcome is known. When the server says "not now" to one, all behind it wait with it,
 * because the server takes them in order only.
 */
import type { ConversationKind } from '../domain/ids.js'
import { isAboutLane, isFinal, type RefusalName, refusalOfWire } from '../domain/refusal.js'
import type { AckFrame, EncodableFrame, RefusalFrame } from '../protocol/decoded-frame.js'

export interface ConversationName {
  readonly kind: ConversationKind
  readonly id: string
}

export interface Command {
  /** The client's own name for it; a message's id. */
  readonly id: string
  readonly body:
    | { readonly kind: 'send'; readonly content: Uint8Array }
    | { readonly kind: 'change'; readonly action: number; readonly users: readonly string[] }
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
}

const NOTHING: Verdict = { kind: 'nothing' }
const RETRY_MS_MIN = 20

/** Final refusals that a conversation's owner logs, which uses the n up. Any other came from the gateway: void it. */
const OWNERS_REFUSALS: ReadonlySet<RefusalName> = new Set<RefusalName>([
  'not-member',
  'not-owner',
  'group-full',
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

  add(command: Command): void {
    this.#entries.push({
      command,
      n: 0,
      isSent: false,
      attempt: 0,
      voidFor: undefined,
      voidFrom: Number.POSITIVE_INFINITY,
    })
  }

  /** The next command to send now, marked as sent. */
  next(): Entry | undefined {
    if (this.#isWaiting) return undefined
    const entry = this.#entries.find((each) => !each.isSent)
    if (entry === undefined) return undefined
    if (entry.n === 0) {
      const lowest = this.#entries[0]!.n || this.#nextN
      if (this.#nextN >= lowest + this.#window) return undefined
      entry.n = this.#nextN++
    }
    entry.isSent = true
    entry.attempt++
    return entry
  }

  frameOf({ command, n, voidFor }: Entry, ref: number): EncodableFrame {
    const place = { ref, n, conversationKind: this.conversation.kind, conversation: this.conversation.id }
    if (voidFor !== undefined) return { kind: 'void', ...place }
    const { body } = command
    if (body.kind === 'send') return { kind: 'send', ...place, content: body.content }
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
    if (name !== undefined && isAboutLane(name)) return { kind: 'lane-lost', why: name }
    const isNever = name === undefined ? isFinalCode(refusal.code) : isFinal(name)
    if (!isNever) return attempt === entry.attempt ? this.#again(entry, refusal) : NOTHING
    if (attempt >= entry.voidFrom || (name !== undefined && OWNERS_REFUSALS.has(name))) {
      return this.#done(entry, { kind: 'refused', code: refusal.code, n: entry.n })
    }
    if (entry.voidFor !== undefined) return NOTHING // the gateway again, about an older sending
    entry.voidFor = refusal.code
    entry.voidFrom = entry.attempt + 1
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

  /** A new lane begins at 1. Returns what may or may not have been accepted in the old one; the rest goes on. */
  changeLane(): Command[] {
    const unknown = this.#entries.filter((entry) => entry.n > 0).map((entry) => entry.command)
    this.#entries = this.#entries.filter((entry) => entry.n === 0)
    this.#nextN = 1
    this.#isWaiting = false
    return unknown
  }
}

/** The hundreds digit tells what to do about a code that this build does not know. */
function isFinalCode(code: number): boolean {
  const hundreds = Math.floor(code / 100)
  return hundreds === 11 || hundreds === 14
}
