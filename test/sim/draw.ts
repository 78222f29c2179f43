/** Drawing from a seed: whether, how much, which one. And counting what was drawn, so that no fault is only imagined. */
import { fraction, type Random, seededRandom } from '../../src/std/random.js'

export function chance(random: Random, probability: number): boolean {
  return probability > 0 && fraction(random) < probability
}

/** A float, `from` inclusive to `to` exclusive. */
export function between(random: Random, from: number, to: number): number {
  return from + fraction(random) * (to - from)
}

/** A whole number, both inclusive. */
export function wholeBetween(random: Random, from: number, to: number): number {
  return from + (random.uint32() % (to - from + 1))
}

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.uint32() % items.length]!
}

/** A stream of its own, so that a draw more in one part of the world leaves the others as they were. */
export function fork(random: Random): Random {
  return seededRandom(random.uint32())
}

/** How often each fault and each branch of interest ran. */
export class Coverage {
  readonly counts = new Map<string, number>()

  count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by)
  }

  add(other: Iterable<readonly [string, number]>): void {
    for (const [name, by] of other) this.count(name, by)
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.counts].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}
