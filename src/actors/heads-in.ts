/**
 * The receiving end of the outboxes: takes heads records into the inboxes of its users, read markers into its conversations,
 * and both into its log, and says so once that is durable.
 *
 * There is nothing to refuse: what cannot be taken now (a row that does not come, no room in the batch) is told again.
 */
import { ActorKind, type ActorName, type AppId, actorKey } from '../domain/ids.js'
import { beginRecord, endRecord, type LogRecord, RecordKind, recordsIn } from '../log/frame.js'
import { type HeadsFacts, type MemberStateFacts, readHeads } from '../protocol/heads-record.js'
import { type MarkerFacts, readMarker } from '../protocol/marker-record.js'
import { Bytes } from '../std/bytes.js'
import type { InboxActivation } from './activation.js'
import { MarkersIn } from './markers-in.js'
import type { HeadsRoute, OwnerHandle } from './owner-link.js'
import type { Shard } from './shard.js'

/** Heads, which change inboxes; or a marker, which changes a conversation. */
interface Told {
  readonly heads: HeadsFacts | undefined
  readonly marker: MarkerFacts | undefined
  readonly record: LogRecord
}

export class HeadsIn {
  readonly #shard: Shard
  readonly markers: MarkersIn

  constructor(shard: Shard) {
    this.#shard = shard
    this.markers = new MarkersIn(shard)
  }

  take(from: OwnerHandle, route: HeadsRoute, bytes: Bytes, start: number, end: number): void {
    const { activations, loop } = this.#shard
    if (!loop.isServing) return // replay reads the rows it needs, and nobody else may put actors beside it
    const now = told(bytes, start, end)
    const missing = this.#missing(now)
    if (missing.length === 0) return this.#apply(from, route, now, bytes, end - start)
    const kept = Bytes.over(bytes.u8.slice(start, end))
    const all = told(kept, 0, kept.size)
    const isCurrent = activations.lifeCheck()
    void Promise.all(missing.map((name) => activations.load(name))).then(() => {
      // One that came first may have retired while we waited for the last: 1. it is not there; 2. it seems to have no news;
      // 3. we say that all is taken, and it is lost.
      if (isCurrent() && this.#missing(all).length === 0) this.#apply(from, route, all, kept, kept.size)
    })
  }

  /** Actors that are not in memory. */
  #missing(all: readonly Told[]): readonly ActorName[] {
    const missing = new Map<string, ActorName>()
    const note = (app: string, kind: ActorKind, id: string) => {
      const key = actorKey(app, kind, id)
      if (this.#shard.activations.get(key) === undefined) missing.set(key, { app: app as AppId, kind, id })
    }
    for (const { heads, marker } of all) {
      for (const { user } of heads?.members ?? []) note(heads!.app, ActorKind.inbox, user)
      if (marker !== undefined) note(marker.app, marker.actorKind as ActorKind, marker.conversation)
    }
    return [...missing.values()]
  }

  #apply(from: OwnerHandle, route: HeadsRoute, all: readonly Told[], bytes: Bytes, size: number): void {
    const { loop } = this.#shard
    if (!loop.isServing || loop.refusal !== undefined || !this.#shard.hasRoom(size)) return
    for (const { heads, marker, record } of all) {
      if (heads !== undefined) this.#applyHeads(heads, record, bytes)
      if (marker !== undefined) this.#applyMarker(marker)
    }
    const batch = loop.horizon()
    if (batch === undefined) from.headsTaken(route)
    else batch.whenDurable.push(() => from.headsTaken(route))
  }

  #applyMarker(marker: MarkerFacts): void {
    const { app, actorKind, conversation } = marker
    const activation = this.#shard.activations.get(actorKey(app, actorKind as ActorKind, conversation))
    if (activation?.kind === 'conversation') this.markers.take(activation, marker)
  }

  #applyHeads(heads: HeadsFacts, record: LogRecord, bytes: Bytes): void {
    const { loop } = this.#shard
    const members = heads.members.filter((member) => this.#inboxOf(heads, member)?.state.list.isNews(heads, member))
    if (members.length === 0) return
    const out = loop.filling.frame
    const head = beginRecord(out)
    out.appendFrom(bytes, record.start, record.end)
    endRecord(out, head, RecordKind.heads)
    loop.filling.count++
    loop.wanted()
    for (const member of members) {
      const inbox = this.#inboxOf(heads, member)!
      const prev = inbox.state.list.version
      const entry = inbox.state.list.apply(heads, member)
      inbox.isWarm = true
      inbox.touch(entry)
      this.#shard.activations.touched(inbox)
      this.#shard.steps.add(inbox, entry, prev)
    }
  }

  #inboxOf({ app }: HeadsFacts, { user }: MemberStateFacts): InboxActivation | undefined {
    const activation = this.#shard.activations.get(actorKey(app, ActorKind.inbox, user))
    return activation?.kind === 'inbox' ? activation : undefined
  }
}

function told(bytes: Bytes, start: number, end: number): Told[] {
  const all: Told[] = []
  for (const record of recordsIn(bytes, start, end)) {
    const { kind, start: at, end: to } = record
    if (kind === RecordKind.heads) all.push({ record, heads: readHeads(bytes, at, to), marker: undefined })
    else if (kind === RecordKind.marker) all.push({ record, heads: undefined, marker: readMarker(bytes, at, to) })
  }
  return all
}
