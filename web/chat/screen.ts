/**
 * One conversation on one user's screen: reads the latest part of its past, then follows it, and sends into it. All it shows
 * comes from the client library; it adds when this page saw what.
 */
import { type Ref, ref, shallowRef } from 'vue'
import {
  ClientError,
  type Conversation,
  type Outgoing,
  RefusedError,
  type TimelineEvent,
} from '../../src/client-browser.js'
import { ActorKind, usersOfDirect } from '../../src/domain/ids.js'
import type { Ledger } from './ledger.js'
import { type Row, TimelineRows } from './timeline-rows.js'

const PAGE_EVENTS = 50

export interface ScreenParts {
  readonly user: string
  readonly conversation: Conversation
  /** Tells conversations apart on this page; the same for all its users. */
  readonly key: string
  readonly ledger: Ledger
  /** The other users of this page who are in it. */
  audience(): readonly string[]
  /** Milliseconds that never go back. */
  now(): number
}

export class Screen {
  readonly conversation: Conversation
  readonly key: string
  readonly rows: Ref<readonly Row[]> = shallowRef([])
  /** False until the past was read for the first time. */
  readonly isLoaded = ref(false)
  readonly hasOlder = ref(false)
  readonly trouble: Ref<RefusedError | undefined> = shallowRef()
  readonly #parts: ScreenParts
  readonly #timeline = new TimelineRows()
  #isDrawDue = false

  constructor(parts: ScreenParts) {
    this.#parts = parts
    this.conversation = parts.conversation
    this.key = parts.key
  }

  /** The other user of a direct conversation; the id of any other. */
  get peer(): string {
    const { kind, id } = this.conversation.name!
    return (kind === ActorKind.direct && usersOfDirect(id)?.find((user) => user !== this.#parts.user)) || id
  }

  /** Runs until the client is closed. */
  async follow(): Promise<void> {
    try {
      const after = await this.#readLatest()
      for await (const event of this.conversation.events({ after })) this.#show(event, true)
    } catch (cause) {
      if (cause instanceof RefusedError) this.trouble.value = cause
      else if (!isClosed(cause)) throw cause
    }
  }

  async readOlder(): Promise<void> {
    const before = this.#timeline.firstSeq
    if (before === undefined) return
    this.#take(await this.conversation.history({ before, limit: PAGE_EVENTS }))
  }

  send(text: string): void {
    this.track(this.conversation.send(text), text)
  }

  /** What is on its way already counts too: what an earlier visit of this page left in the browser's storage. */
  track(outgoing: Outgoing, text: string): void {
    const { ledger, key, user } = this.#parts
    const { id } = outgoing
    const sentAt = this.#parts.now()
    ledger.sent(id, { conversation: key, to: this.#parts.audience(), now: sentAt })
    this.#timeline.write({
      kind: 'message',
      id,
      from: user,
      text,
      seq: undefined,
      time: undefined,
      progress: outgoing.state.kind,
      tookMs: undefined,
    })
    outgoing.onChange(() => this.#progress(outgoing, sentAt))
    this.#draw()
  }

  #progress({ id, state }: Outgoing, sentAt: number): void {
    const now = this.#parts.now()
    if (state.kind === 'acked') {
      this.#parts.ledger.acked(id, state.seq, now)
      this.#timeline.change(id, { progress: 'acked', tookMs: now - sentAt })
    } else if (state.kind === 'refused') {
      this.#parts.ledger.refused(id)
      this.#timeline.change(id, { progress: 'refused', refusal: state.error.message })
    } else this.#timeline.change(id, { progress: state.kind })
    this.#draw()
  }

  /** The seq from which on to follow: everything up to it has been read. */
  async #readLatest(): Promise<number> {
    const page = await whenAnswered(() => this.conversation.history({ limit: PAGE_EVENTS }))
    this.#take(page)
    this.isLoaded.value = true
    return page.completeTo
  }

  #take({ events, from }: { readonly events: readonly TimelineEvent[]; readonly from: number }): void {
    for (const event of events) this.#show(event, false)
    this.hasOlder.value = from > 1
    this.#draw()
  }

  #show(event: TimelineEvent, isNew: boolean): void {
    const { user, key, ledger, now } = this.#parts
    if (event.kind === 'message') {
      ledger.shown(user, { conversation: key, seq: event.seq, id: event.id, isNew })
      const sentAt = event.from === user ? undefined : ledger.sentAt(event.id)
      this.#timeline.show(event, sentAt === undefined ? undefined : now() - sentAt)
    } else this.#timeline.show(event, undefined)
    this.#draw()
  }

  /** Once for all that happens in a turn. */
  #draw(): void {
    if (this.#isDrawDue) return
    this.#isDrawDue = true
    queueMicrotask(() => {
      this.#isDrawDue = false
      this.rows.value = this.#timeline.all
    })
  }
}

/** Reads again for as long as there is no connection. */
export async function whenAnswered<T>(read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read()
    } catch (cause) {
      if (!(cause instanceof ClientError) || cause.reason !== 'unanswered') throw cause
    }
  }
}

function isClosed(cause: unknown): boolean {
  return cause instanceof ClientError && cause.reason === 'closed'
}
