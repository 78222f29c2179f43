/**
 * The owner's ends of all links to one shard: opened by gateway workers, broken when something about one went wrong.
 */
import type { ShardId } from '../domain/ids.js'
import type { Clock } from '../std/clock.js'
import type { CommitLoop } from './commit-loop.js'
import { type GatewayHandle, type Generation, InLink, isBelow } from './owner-link.js'

export interface InLinksParts {
  readonly id: ShardId
  readonly clock: Clock
  readonly loop: CommitLoop
}

const PROVE_MS = 1_000

export class InLinks {
  readonly #parts: InLinksParts
  readonly #links = new Map<string, InLink>()
  #provedAt = Number.NEGATIVE_INFINITY

  constructor(parts: InLinksParts) {
    this.#parts = parts
  }

  open(gateway: GatewayHandle, number: number, known: Generation): void {
    const { id, loop } = this.#parts
    if (!loop.isServing) return
    if (isBelow(loop, known)) return this.#prove()
    const link = this.#links.get(gateway.address)
    if (link !== undefined && link.number > number) return
    if (link?.number !== number) this.#links.set(gateway.address, new InLink(gateway, id, number))
    gateway.linkOpened(id, number, loop.epoch, loop.logIncarnation)
  }

  /** Somebody has seen a newer owner: an append tells us whether we are still one. At most one a second (rules §1). */
  #prove(): void {
    const now = this.#parts.clock.monotonic()
    if (now - this.#provedAt < PROVE_MS) return
    this.#provedAt = now
    this.#parts.loop.force()
  }

  of(gateway: GatewayHandle, number: number): InLink | undefined {
    const link = this.#links.get(gateway.address)
    return link?.number === number ? link : undefined
  }

  break(link: InLink): void {
    if (this.#links.get(link.gateway.address) === link) this.#links.delete(link.gateway.address)
    link.gateway.linkBroken(this.#parts.id, link.number)
  }

  breakAll(): void {
    for (const link of [...this.#links.values()]) this.break(link)
  }
}
