/**
 * What one user's screen shows of one conversation: the events that it was told of, by seq, and below them what this user
 * wrote that has no seq yet. Pure: rows are values, and a change makes new ones.
 */
import type { MembershipChange, Message, OutgoingState, TimelineEvent } from '../../src/client-browser.js'

/** A message that this page sent, as far as it has come. */
export type Progress = OutgoingState['kind']

export interface MessageRow {
  readonly kind: 'message'
  /** 32 hexadecimal digits: the same on every screen. */
  readonly id: string
  readonly from: string
  readonly text: string
  /** Undefined until the server has given it a place. */
  readonly seq: number | undefined
  /** The server's time, in milliseconds since 1970. */
  readonly time: number | undefined
  readonly progress: Progress
  /** Why the server will not have it. */
  readonly refusal?: string
  /** Of one's own: from sending to its ack. Of another's: from sending to this screen. Undefined: not sent from this page. */
  readonly tookMs: number | undefined
}

export interface ChangeRow {
  readonly kind: 'change'
  readonly seq: number
  readonly from: string
  readonly change: MembershipChange['kind']
  readonly users: readonly string[]
}

export type Row = MessageRow | ChangeRow

/** Rows of a screen; older ones leave it and can be loaded again. */
const ROWS_MAX = 400

export class TimelineRows {
  /** By seq. */
  #settled: Row[] = []
  /** In the order in which they were written. */
  #unsettled: MessageRow[] = []

  get all(): readonly Row[] {
    return [...this.#settled, ...this.#unsettled]
  }

  /** The oldest seq on the screen; undefined where there is none. */
  get firstSeq(): number | undefined {
    return this.#settled[0]?.seq
  }

  /** Written, not answered. */
  write(row: MessageRow): void {
    this.#unsettled.push(row)
  }

  /** Nothing changes where `id` is not on the screen. */
  change(id: string, change: Partial<Pick<MessageRow, 'progress' | 'refusal' | 'tookMs'>>): void {
    this.#unsettled = this.#unsettled.map((row) => (row.id === id ? { ...row, ...change } : row))
    this.#settled = this.#settled.map((row) => (row.kind === 'message' && row.id === id ? { ...row, ...change } : row))
  }

  /** An event of the conversation. Takes the place of what was written under the same id. */
  show(event: TimelineEvent, tookMs: number | undefined): void {
    const row = this.#rowOf(event, tookMs)
    const after = this.#settled.findLastIndex(({ seq }) => seq! <= row.seq!)
    if (this.#settled[after]?.seq === row.seq) return
    this.#unsettled = this.#unsettled.filter(({ id }) => row.kind !== 'message' || id !== row.id)
    this.#settled.splice(after + 1, 0, row)
    const isAtEnd = after + 2 === this.#settled.length
    if (isAtEnd && this.#settled.length > ROWS_MAX) this.#settled.shift()
  }

  #rowOf(event: TimelineEvent, tookMs: number | undefined): Row {
    if (event.kind !== 'message') return changeRow(event)
    const written = this.#unsettled.find(({ id }) => id === event.id)
    return messageRow(event, tookMs ?? written?.tookMs) // its ack may have come before
  }
}

function messageRow({ id, from, text, seq, time }: Message, tookMs: number | undefined): MessageRow {
  return { kind: 'message', id, from, text, seq, time, progress: 'acked', tookMs }
}

function changeRow({ seq, from, kind: change, users }: MembershipChange): ChangeRow {
  return { kind: 'change', seq, from, change, users }
}
