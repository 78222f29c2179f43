/**
 * The outcomes of a shared device's last commands, kept beside the queue: a tab that slept while its command was settled
 * gives it again to the next leader, which must know it then.
 *
 * An outcome is kept in the same transaction that ends its command in the queue, so a command is in one of the two, or is
 * new, or was settled before all that are kept; and which of these last two, the count tells that its tab had heard.
 */
import type { CommandOutcome } from './command-queue.js'

/** `unknown`: its lane was lost while it was under way. */
export type KeptOutcome = CommandOutcome | { readonly kind: 'unknown' }

const KEPT_MAX = 1_000
const PREFIX = 'done '

export class Outcomes {
  readonly #keep: (key: string, value: string | undefined) => void
  /** By the id of the command, the oldest first. */
  readonly #byId = new Map<string, KeptOutcome>()
  #count = 0

  /** `entries`: of the storage. */
  constructor(entries: ReadonlyMap<string, string>, keep: (key: string, value: string | undefined) => void) {
    this.#keep = keep
    const kept = [...entries].flatMap(([key, text]) =>
      key.startsWith(PREFIX) ? [[Number(key.slice(PREFIX.length)), text] as const] : [],
    )
    for (const [order, text] of kept.sort(([a], [b]) => a - b)) {
      const { id, ...outcome } = JSON.parse(text) as { id: string } & KeptOutcome
      this.#byId.set(id, outcome)
      this.#count = order
    }
  }

  /** How many there have ever been. */
  get count(): number {
    return this.#count
  }

  add(id: string, outcome: KeptOutcome): void {
    this.#byId.set(id, outcome)
    this.#keep(`${PREFIX}${++this.#count}`, JSON.stringify({ id, ...outcome }))
    if (this.#byId.size <= KEPT_MAX) return
    for (const oldest of this.#byId.keys()) {
      this.#byId.delete(oldest)
      break
    }
    this.#keep(`${PREFIX}${this.#count - KEPT_MAX}`, undefined)
  }

  find(id: string): KeptOutcome | undefined {
    return this.#byId.get(id)
  }

  /** All that came after the first `count` are kept. A tab may have heard of more than were stored when its leader ended: those
   *  commands are in the queue again, and what the tab has given since is new. */
  covers(count: number): boolean {
    return count >= this.#count - this.#byId.size
  }
}
