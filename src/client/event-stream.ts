/**
 * One reader's way through a conversation: every event once, in order, at the reader's own pace. What arrives waits in a
 * bounded buffer; what did not fit, or lies before it, is read from history.
 */
import type { HistoryPage } from './conversation.js'
import { ClientError } from './errors.js'
import type { TimelineEvent } from './timeline-event.js'

/** Events that wait for a slow reader; then the rest is left to history. */
const BUFFER_MAX = 1_000

export type ReadAfter = (seq: number) => Promise<HistoryPage>

export class EventStream implements AsyncIterableIterator<TimelineEvent, undefined> {
  /** Everything at or below it was read; undefined until the first event comes, where that is where it begins. */
  #at: number | undefined
  /** The buffer holds everything above this seq; undefined: nothing has come yet. */
  #bufferedAfter: number | undefined
  #buffer: TimelineEvent[] = []
  /** From history, not yet read. */
  #page: TimelineEvent[] = []
  #isReadingBack: boolean
  #isOver = false
  #failure: ClientError | undefined
  #wake: () => void = () => {}
  readonly #readAfter: ReadAfter
  readonly #ended: (stream: EventStream) => void

  /** Reads what lies above `after`; undefined: what comes from now on. `ended` is called when it ends, for whatever reason. */
  constructor(after: number | undefined, readAfter: ReadAfter, ended: (stream: EventStream) => void) {
    this.#at = after
    this.#isReadingBack = after !== undefined
    this.#readAfter = readAfter
    this.#ended = ended
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next event of the conversation has come. */
  offer(event: TimelineEvent): void {
    this.#bufferedAfter ??= event.seq - 1
    this.#at ??= this.#bufferedAfter
    if (this.#buffer.length < BUFFER_MAX) this.#buffer.push(event)
    else {
      this.#buffer = []
      this.#bufferedAfter = event.seq
    }
    this.#wake()
  }

  /** One call at a time. Throws RefusedError where this user may not read the conversation. */
  async next(): Promise<IteratorResult<TimelineEvent, undefined>> {
    for (;;) {
      const event = this.#isOver ? undefined : this.#take()
      if (event !== undefined) return { done: false, value: event }
      if (this.#failure !== undefined) throw this.#failure
      if (this.#isOver) return { done: true, value: undefined }
      if (this.#isReadingBack || this.#at! < this.#bufferedAfter!) await this.#readBack()
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }

  async return(): Promise<IteratorResult<TimelineEvent, undefined>> {
    this.end()
    return { done: true, value: undefined }
  }

  /** What was read is void (SessionListener.restarted): the reader hears ClientError `history-restarted`, and may begin anew. */
  restarted(): void {
    this.#failure = new ClientError('history-restarted', 'Cannot read on: the server went back in time; read it again')
    this.end()
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#ended(this)
    this.#wake()
  }

  #take(): TimelineEvent | undefined {
    for (const source of [this.#page, this.#buffer]) {
      if (source === this.#buffer && (this.#isReadingBack || this.#at! < this.#bufferedAfter!)) return undefined
      for (let event = source.shift(); event !== undefined; event = source.shift()) {
        if (event.seq <= this.#at!) continue
        this.#at = event.seq
        return event
      }
    }
    return undefined
  }

  async #readBack(): Promise<void> {
    try {
      const { events, completeTo, head } = await this.#readAfter(this.#at!)
      this.#page = [...events]
      if (this.#page.length === 0) this.#at = Math.max(this.#at!, completeTo)
      if (completeTo >= head) this.#isReadingBack = false
    } catch (cause) {
      if (this.#isOver) return
      this.end()
      throw cause
    }
  }
}
