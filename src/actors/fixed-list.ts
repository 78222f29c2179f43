/**
 * Lists that never change: the audience of a large conversation, and the connections of that audience on one gateway worker.
 * Whoever is handed one that they were handed before has nothing to look up, and nothing to send, again (ADR 100).
 */

/** Of each list the one that it took the place of; only of the newest, or all there ever were would be kept. */
const predecessors = new WeakMap<object, readonly unknown[]>()

/** Takes the items over. Where they are those of `before`, in that order, it is `before` that is handed on. */
export function fixedList<Item>(items: Item[], before: readonly Item[] | undefined): readonly Item[] {
  if (before !== undefined) {
    if (isSame(items, before)) return before
    predecessors.delete(before)
    predecessors.set(items, before)
  }
  return Object.freeze(items)
}

export function isFixed(list: ArrayLike<unknown>): boolean {
  return Object.isFrozen(list)
}

export function predecessorOf<Item>(list: readonly Item[]): readonly Item[] | undefined {
  return predecessors.get(list) as readonly Item[] | undefined
}

function isSame<Item>(a: readonly Item[], b: readonly Item[]): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}
