/**
 * Fixed lists between two workers: each is sent once, under a number that is never used again, and then named by it; one that
 * takes another's place is sent as the difference. Either end may forget: who is told of a number that they do not know drops the
 * message, as the bus may have, and says so, and the next one brings the list.
 */
import { fixedList, predecessorOf } from './fixed-list.js'
import { type Head, Kind, SEPARATOR } from './peer-outbox.js'

export type ListItem = string | number

/** Items of all lists that one worker was sent, or has of one: the list not used for the longest is forgotten first. */
const SENT_ITEMS_MAX = 500_000
const RECEIVED_ITEMS_MAX = 1_000_000

/** Which kind of items: inboxes of user shards, connections of a gateway worker. */
const INBOXES = 0
const CONNECTIONS = 1

/** Insertion order is order of use. */
class Known<Key, Value> {
  readonly #values = new Map<Key, Value>()
  readonly #itemsMax: number
  readonly #sizeOf: (key: Key, value: Value) => number
  #items = 0

  constructor(itemsMax: number, sizeOf: (key: Key, value: Value) => number) {
    this.#itemsMax = itemsMax
    this.#sizeOf = sizeOf
  }

  use(key: Key): Value | undefined {
    const value = this.#values.get(key)
    if (value === undefined) return undefined
    this.#values.delete(key)
    this.#values.set(key, value)
    return value
  }

  /** Looks at all: for what is rare. */
  keyOf(wanted: Value): Key | undefined {
    for (const [key, value] of this.#values) if (value === wanted) return key
    return undefined
  }

  add(key: Key, value: Value): void {
    this.#values.set(key, value)
    this.#items += this.#sizeOf(key, value)
    for (const oldest of this.#values.keys()) {
      if (this.#items <= this.#itemsMax || oldest === key) return
      this.forget(oldest)
    }
  }

  forget(key: Key): void {
    const value = this.#values.get(key)
    if (value === undefined) return
    this.#values.delete(key)
    this.#items -= this.#sizeOf(key, value)
  }
}

/** Of one other worker. */
export class SentLists {
  readonly #known = new Known<readonly ListItem[], number>(SENT_ITEMS_MAX, ({ length }) => length)
  #last = 0

  /** The list's number; `send` gets what has to be sent before it is named, if anything. */
  numberOf(list: readonly ListItem[], send: (head: Head) => void): number {
    const known = this.#known.use(list)
    if (known !== undefined) return known
    const before = predecessorOf(list)
    const base = before === undefined ? undefined : this.#known.use(before)
    const number = ++this.#last
    const text = base === undefined ? list.join(SEPARATOR) : difference(before!, list)
    const shard = typeof (list[0] ?? before?.[0]) === 'number' ? CONNECTIONS : INBOXES
    send({ kind: Kind.list, shard, link: number, epoch: base ?? 0, text })
    if (before !== undefined) this.#known.forget(before)
    this.#known.add(list, number)
    return number
  }

  /** The other worker does not know it. */
  unknown(number: number): void {
    const list = this.#known.keyOf(number)
    if (list !== undefined) this.#known.forget(list)
  }
}

/** Of one other worker. */
export class ReceivedLists {
  readonly #known = new Known<number, readonly ListItem[]>(RECEIVED_ITEMS_MAX, (_, { length }) => length)

  get(number: number): readonly ListItem[] | undefined {
    return this.#known.use(number)
  }

  /** What `numberOf` sent. Without its base there is nothing to make it of, and its number stays unknown. */
  take({ shard, link: number, epoch: base, text }: Required<Pick<Head, 'shard' | 'link' | 'epoch' | 'text'>>): void {
    const itemsOf = (part: string): ListItem[] => {
      if (part === '') return []
      return shard === CONNECTIONS ? part.split(SEPARATOR).map(Number) : part.split(SEPARATOR)
    }
    if (base === 0) return this.#known.add(number, fixedList(itemsOf(text), undefined))
    const before = this.#known.use(base)
    if (before === undefined) return
    const [left, came] = text.split('\n').map(itemsOf)
    const gone = new Set(left)
    const items = before.filter((item) => !gone.has(item)).concat(came!)
    this.#known.forget(base)
    this.#known.add(number, fixedList(items, before))
  }
}

/** Who is not there any more, and who is new. */
function difference(before: readonly ListItem[], now: readonly ListItem[]): string {
  const [had, has] = [new Set(before), new Set(now)]
  const left = before.filter((item) => !has.has(item))
  const came = now.filter((item) => !had.has(item))
  return `${left.join(SEPARATOR)}\n${came.join(SEPARATOR)}`
}
