/**
 * A shard's outbox: knows which of its conversations owe their user shards news of where they stand, and when to tell
 * (rules §6, §7). No send waits for it, and a message costs it the test of a flag.
 *
 * What is told is state read when it is told (heads-out.ts); so nothing is queued but the names of conversations. The
 * first news of a quiet conversation goes at the next flush; while it stays busy the pauses grow, since whoever is
 * connected hears its messages anyway (ADR 41). Who owes is part of the shard's checkpoint: a page of keys follows every
 * change, and an owner that takes over tells those conversations, and all with an event above that page, once more. The
 * log need not wait.
 */
import { type ActorKey, ActorKind, type ActorName, type AppId, actorKey, parseActorKey } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { comparePositions, POSITION_START, type Position } from '../domain/position.js'
import { assert } from '../std/assert.js'
import { crc32OfText } from '../std/crc32.js'
import type { ActorWrite } from '../storage/message-store.js'
import type { ConversationActivation } from './activation.js'
import type { Checkpointed } from './checkpoint.js'
import { HeadsOut, type Owed } from './heads-out.js'
import { MarkersOut } from './markers-out.js'
import type { Member } from './members.js'
import type { HeadsRoute } from './owner-link.js'
import { packOwed, unpackOwed } from './rows.js'
import type { Shard } from './shard.js'

const PAGES = 64
const ROW = Uint8Array.of(1)

/** The turns ahead: more than the longest pause takes. */
const TURNS = 256
const PAUSE_MS_MAX = (TURNS - 1) * LIMITS.outboxFlushMs
const MEMBERS_PER_TURN = (LIMITS.outboxMembersPerSecondOfShard * LIMITS.outboxFlushMs) / 1_000

/** What all outboxes of a worker owe together. */
export interface OutboxLoad {
  /** Conversations. */
  owed: number
}

export class Outbox implements Checkpointed {
  isDirty = false
  readonly #shard: Shard
  readonly #name: ActorName
  readonly #key: ActorKey
  readonly #out: HeadsOut
  /** What the lists of our users owe to conversations. */
  readonly markers: MarkersOut
  readonly #owed = new Set<Owed>()
  /** Each that owes is in one of them, and looked at when it is that one's turn. */
  readonly #turns: Owed[][] = Array.from({ length: TURNS }, () => [])
  #turn = 0
  /** Members that may be told of in this turn; below 0 once a large conversation was. */
  #membersNow = 0
  readonly #load: OutboxLoad
  readonly #dirtyPages = new Set<number>()
  /** Up to here, what its pages do not name is owed to nobody. */
  #rowPosition: Position = POSITION_START

  constructor(shard: Shard) {
    this.#shard = shard
    this.#name = { app: '' as AppId, kind: ActorKind.outbox, id: String(shard.parts.id) }
    this.#key = actorKey(this.#name.app, this.#name.kind, this.#name.id)
    this.#out = new HeadsOut(shard, (owed) => this.markers.taken(owed))
    this.markers = new MarkersOut(shard, this.#out)
    this.#load = shard.parts.outboxLoad
  }

  /** More is owed than may be, here or by all shards of the worker. */
  get isFull(): boolean {
    return this.#owed.size >= LIMITS.outboxOwedMax || this.#load.owed >= LIMITS.outboxOwedPerWorkerMax
  }

  /** Something happened in this conversation. A live room stands in nobody's list. */
  owe(activation: ConversationActivation): void {
    if (activation.state.isLarge || !activation.isModeTold) this.#repeatHead(activation)
    if (activation.hasNews || activation.state.name.kind === ActorKind.room) return
    activation.hasNews = true
    if (activation.isOwed) return // its turn comes
    activation.isOwed = true
    // Where the log has lost its tail, what was told may not be so any more.
    if (activation.toldIncarnation < this.#shard.loop.logIncarnation) activation.isModeTold = false
    const nobody = {
      byShard: new Map(),
      memberSeq: -1,
      toldMemberSeq: -1,
      memberCount: 0,
      isOfNews: false,
      modeSeq: -1,
    }
    const owed = { activation, headSeq: activation.state.head - 1, ...nobody, open: 0, pauseMs: 0 }
    this.#owed.add(owed)
    this.#load.owed++
    this.#shard.stir()
    this.#touch(activation.key)
    this.#later(owed, LIMITS.outboxFlushMs)
  }

  get isWaiting(): boolean {
    return this.#owed.size > 0 || this.markers.isWaiting
  }

  /** Lists that read its head, or may, hear of it by beacons. */
  #repeatHead(activation: ConversationActivation): void {
    if (activation.state.modeSeq > 0) this.#shard.headTeller.happened(activation)
  }

  /** What was told of this conversation is not known: it was owed when another owner, or a life before, had it. */
  #oweAll(activation: ConversationActivation): void {
    activation.isModeTold = false
    this.owe(activation)
  }

  /** Tells what is due. Called every LIMITS.outboxFlushMs. */
  tick(now: number): void {
    if (!this.isWaiting || !this.#shard.loop.isServing) return
    this.#membersNow = Math.min(this.#membersNow + MEMBERS_PER_TURN, MEMBERS_PER_TURN)
    this.#turn = (this.#turn + 1) % TURNS
    const due = this.#turns[this.#turn]!
    if (due.length > 0) {
      this.#turns[this.#turn] = []
      for (let at = 0; at < due.length; at++) {
        if (this.#membersNow <= 0) {
          this.#postpone(due.slice(at))
          break
        }
        this.#due(due[at]!)
      }
    }
    this.#out.flush(now)
  }

  /** As many members were told of as a turn may tell: the rest comes first in the next. */
  #postpone(rest: Owed[]): void {
    const next = (this.#turn + 1) % TURNS
    this.#turns[next] = rest.concat(this.#turns[next]!)
  }

  #due(owed: Owed): void {
    const { activation } = owed
    if (owed.open === 0) this.#allToldOf(owed)
    if (activation.hasNews) {
      this.#offer(owed)
      this.#later(owed, owed.pauseMs)
    } else if (owed.open > 0 || this.#shard.headTeller.isRepeating(activation)) this.#later(owed, LIMITS.outboxAgainMs)
    else this.#settle(owed)
  }

  #offer(owed: Owed): void {
    const { activation } = owed
    const { head, memberSeq, modeSeq, isLarge } = activation.state
    activation.hasNews = false
    if (isLarge && activation.isModeTold) this.#addNews(owed)
    else this.#addAll(owed)
    Object.assign(owed, { headSeq: head, memberSeq, modeSeq })
    const { outboxPauseMsMin, outboxPauseMsMax, outboxMembersPerSecond } = LIMITS
    const grown = Math.min(outboxPauseMsMax, Math.max(outboxPauseMsMin, 2 * owed.pauseMs))
    owed.pauseMs = Math.min(PAUSE_MS_MAX, Math.max(grown, (1_000 * owed.memberCount) / outboxMembersPerSecond))
    this.#membersNow -= owed.memberCount
    this.#out.offer(owed)
  }

  /** Everybody is to be told where it stands. */
  #addAll(owed: Owed): void {
    const { activation } = owed
    const { memberSeq, toldMemberSeq } = activation.state
    const isSame = owed.memberSeq === memberSeq && owed.toldMemberSeq === toldMemberSeq && !owed.isOfNews
    if (isSame) return
    owed.isOfNews = false
    owed.toldMemberSeq = toldMemberSeq
    owed.byShard = this.#membersByShard(activation)
    owed.memberCount = 0
    for (const members of owed.byShard.values()) owed.memberCount += members.length
  }

  /** A large conversation, and all know that it is: only those who came, went, wrote or were mentioned since are told. */
  #addNews(owed: Owed): void {
    if (!owed.isOfNews) owed.byShard = new Map()
    owed.isOfNews = true
    owed.memberCount = 0
    for (const member of owed.activation.state.members.all()) {
      const last = member.intervals[member.intervals.length - 1]
      if (last === undefined) continue
      const changed = Math.max(member.isNow ? last.from : last.to, member.wroteSeq, member.mentionSeq)
      if (changed <= owed.headSeq) continue
      this.#add(owed.byShard, owed.activation, member)
      owed.memberCount++
    }
  }

  #membersByShard(activation: ConversationActivation): Owed['byShard'] {
    const byShard: Owed['byShard'] = new Map()
    for (const member of activation.state.members.all()) {
      const last = member.intervals[member.intervals.length - 1]
      if (last === undefined || last.to <= activation.state.toldMemberSeq) continue // a stranger, or gone and all know
      this.#add(byShard, activation, member)
    }
    return byShard
  }

  #add(byShard: Owed['byShard'], activation: ConversationActivation, member: Member): void {
    const { shard } = this.#shard.parts.fanOut.inboxOf(activation, member)
    const members = byShard.get(shard)
    if (members === undefined) byShard.set(shard, [member])
    else if (!members.includes(member)) members.push(member)
  }

  #later(owed: Owed, ms: number): void {
    const turns = Math.max(1, Math.ceil(ms / LIMITS.outboxFlushMs))
    assert(turns < TURNS, `a pause of ${ms} ms`)
    this.#turns[(this.#turn + turns) % TURNS]!.push(owed)
  }

  /** Every user shard has what was offered last: who had left before that need not hear more. */
  #allToldOf({ activation, memberSeq, modeSeq }: Owed): void {
    if (modeSeq !== activation.state.modeSeq) return
    activation.isModeTold = true
    activation.toldIncarnation = this.#shard.loop.logIncarnation
    if (memberSeq <= activation.state.toldMemberSeq) return
    activation.state.toldMemberSeq = memberSeq
    this.#shard.activations.touched(activation)
  }

  #settle(owed: Owed): void {
    const { activation } = owed
    activation.isOwed = false
    this.#owed.delete(owed)
    this.#load.owed--
    this.#touch(activation.key)
  }

  /** The user shard has this message in its log. */
  taken(route: HeadsRoute): void {
    this.#out.taken(route)
  }

  // ── The checkpoint ─────────────────────────────────────────────────────────────────────────────────────────────

  #touch(key: ActorKey): void {
    this.#dirtyPages.add(pageOf(key))
    this.#shard.activations.touched(this)
  }

  cut(): ActorWrite {
    const keys = new Map<number, ActorKey[]>()
    for (const page of this.#dirtyPages) keys.set(page, [])
    for (const { activation } of this.#owed) keys.get(pageOf(activation.key))?.push(activation.key)
    this.#dirtyPages.clear()
    this.isDirty = false
    const pages = new Map([...keys].map(([page, ofPage]) => [page, packOwed(ofPage)]))
    return { key: this.#key, row: ROW, pages, blocks: [] }
  }

  stored(): void {
    // Nothing of it is kept only here.
  }

  // ── Taking over ────────────────────────────────────────────────────────────────────────────────────────────────

  reset(): void {
    for (const { activation } of this.#owed) activation.isOwed = activation.hasNews = false
    this.#load.owed -= this.#owed.size
    this.#owed.clear()
    for (const turn of this.#turns) turn.length = 0
    this.#out.reset()
    this.markers.reset()
    this.#dirtyPages.clear()
    this.isDirty = false
    this.#rowPosition = POSITION_START
  }

  /** Owes again what was owed at the last checkpoint. Throws UnavailableError, CorruptionError. */
  async restore(): Promise<void> {
    const assertCurrent = this.#shard.activations.replayCheck()
    const row = await this.#shard.parts.store.readActor(this.#key)
    assertCurrent()
    if (row === undefined) return
    this.#rowPosition = row.position
    for (const page of row.pages.values()) {
      for (const key of unpackOwed(this.#name, page)) {
        const activation = await this.#shard.activations.forReplay(parseActorKey(key))
        assertCurrent()
        if (activation.kind === 'conversation') this.#oweAll(activation)
      }
    }
  }

  /** A logged event of this conversation: the pages know of those at or below their position. */
  replayed(activation: ConversationActivation, position: Position): void {
    if (comparePositions(position, this.#rowPosition) > 0) this.#oweAll(activation)
  }
}

function pageOf(key: ActorKey): number {
  return crc32OfText(key) % PAGES
}
