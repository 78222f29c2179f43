/**
 * Whether those who are to join a group or channel may be in one more: conversations decide who joins, and only a user's
 * list knows how many there are. So a change that would let somebody in first asks the user shards (join-limits.ts), and
 * is decided once more when they have answered (ADR 59).
 *
 * What the same session says to this conversation meanwhile waits behind it, since n is dense; nobody else waits.
 */
import { ActorKind, actorKey, shardOf, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { RefusalName } from '../domain/refusal.js'
import { Bytes } from '../std/bytes.js'
import type { ConversationActivation } from './activation.js'
import { Mailbox } from './mailbox.js'
import type { HeadsQuestion, InLink } from './owner-link.js'
import type { Session } from './peers.js'
import type { Shard } from './shard.js'

export interface JoinCheck {
  readonly activation: ConversationActivation
  readonly session: Session
  readonly link: InLink
  readonly k: number
  /** The change, and then what came behind it. */
  readonly commands: Mailbox
  readonly waiting: Set<number>
  readonly asked: ReadonlySet<UserId>
  /** The second for its change: the first had not asked about all who would join by then. */
  readonly isAgain: boolean
  /** Some list has no room. */
  isFull: boolean
  readonly until: number
}

export type JoinVerdict = { readonly refusal: RefusalName | undefined }

export class JoinChecks {
  readonly #shard: Shard
  /** Under way, by number; the oldest first. */
  readonly #checks = new Map<number, JoinCheck>()
  #k = 0
  #heldCount = 0
  /** The one whose change is decided now. */
  #answered: { readonly check: JoinCheck; readonly verdict: JoinVerdict } | undefined

  constructor(shard: Shard) {
    this.#shard = shard
  }

  /** What was found out for this command; undefined: not all of these users were asked about. */
  verdictOf(link: InLink, k: number, users: readonly UserId[]): JoinVerdict | undefined {
    const answered = this.#answered
    if (answered?.check.link !== link || answered.check.k !== k) return undefined
    const { check, verdict } = answered
    if (verdict.refusal !== undefined || users.every((user) => check.asked.has(user))) return verdict
    return check.isAgain ? { refusal: 'list-away' } : undefined
  }

  /** Keeps the change [start, end) and asks. Returns why it cannot, if so. */
  begin(
    activation: ConversationActivation,
    users: readonly UserId[],
    { link, k, session, frame, start, end }: HeldCommand,
  ): RefusalName | undefined {
    if (this.#checks.size >= LIMITS.joinChecksMax) return 'mailbox-full'
    const { router, self, clock, id: fromShard } = this.#shard.parts
    const { memberSeq, name } = activation.state
    const { app } = name
    const byShard = new Map<number, UserId[]>()
    for (const user of users) {
      const shard = shardOf(actorKey(app, ActorKind.inbox, user), router.shardCount)
      const ofShard = byShard.get(shard)
      if (ofShard === undefined) byShard.set(shard, [user])
      else ofShard.push(user)
    }
    const until = clock.monotonic() + LIMITS.joinCheckMs
    const place = { activation, session, link, k, until }
    const asked = { asked: new Set(users), waiting: new Set(byShard.keys()), isAgain: this.#answered !== undefined }
    const check: JoinCheck = { ...place, ...asked, commands: new Mailbox(), isFull: false }
    this.#keep(check, { link, k, session, frame, start, end })
    activation.joinChecks = [...(activation.joinChecks ?? []), check]
    const number = ++this.#k
    this.#checks.set(number, check)
    this.#shard.stir()
    for (const [toShard, ofShard] of byShard) {
      const question = { fromShard, toShard, k: number }
      router.ownerOf(toShard)?.askJoins(self, question, { conversation: activation.key, memberSeq, users: ofShard })
    }
    return undefined
  }

  /** Keeps a command where the same session's change is being asked about; false where none is. */
  holds(activation: ConversationActivation, command: HeldCommand): boolean {
    const check = activation.joinChecks?.find(({ session }) => session === command.session)
    if (check === undefined || this.#answered?.check === check) return false
    if (this.#heldCount >= LIMITS.mailboxMax) return false // it is early, then: send-gap
    this.#keep(check, command)
    return true
  }

  #keep({ activation, commands }: JoinCheck, { link, k, session, frame, start, end }: HeldCommand): void {
    const target = { key: activation.key, name: activation.state.name, shard: this.#shard.parts.id }
    commands.offer({ link, k, session, target, frame: Bytes.over(frame.u8.slice(start, end)), since: 0 })
    this.#heldCount++
  }

  /** What a user shard said: who of those it was asked about is in as many conversations as may be. */
  told({ toShard, k }: HeadsQuestion, full: readonly UserId[]): void {
    const check = this.#checks.get(k)
    if (check === undefined || !check.waiting.delete(toShard)) return
    if (full.length > 0) check.isFull = true
    if (check.waiting.size > 0) return
    this.#checks.delete(k)
    this.#decide(check, { refusal: check.isFull ? 'user-conversations' : undefined })
  }

  #decide(check: JoinCheck, verdict: JoinVerdict): void {
    const { activation, commands } = check
    this.#answered = { check, verdict }
    this.#next(commands)
    this.#answered = undefined
    const others = activation.joinChecks?.filter((other) => other !== check)
    activation.joinChecks = others?.length === 0 ? undefined : others
    while (commands.size > 0) this.#next(commands)
  }

  #next(commands: Mailbox): void {
    const next = commands.take()!
    this.#heldCount--
    this.#shard.command(next.link, next.k, next.session, next.target, next.frame, 0, next.frame.size)
  }

  get isWaiting(): boolean {
    return this.#checks.size > 0
  }

  tick(now: number): void {
    for (const [k, check] of this.#checks) {
      if (check.until > now) return
      this.#checks.delete(k)
      this.#decide(check, { refusal: check.isFull ? 'user-conversations' : 'list-away' })
    }
  }

  reset(): void {
    for (const { commands } of this.#checks.values()) {
      for (let held = commands.take(); held !== undefined; held = commands.take()) held.link.unknown(held.k)
    }
    this.#checks.clear()
    this.#heldCount = 0
  }
}

export interface HeldCommand {
  readonly link: InLink
  readonly k: number
  readonly session: Session
  readonly frame: Bytes
  readonly start: number
  readonly end: number
}
