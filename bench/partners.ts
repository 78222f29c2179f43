/**
 * Who writes to whom in direct conversations. With one partner each: clients 2k and 2k+1. With more, an even number: all
 * sit in a ring, and each writes in turn to the half of them before and the half behind it, so that little of what
 * inboxes are told can be conflated.
 */

/** Where the messages from one client to one partner are in all that the client says: `first`, `first + step`, … */
export interface Turn {
  readonly first: number
  readonly step: number
}

/** The place of message n of such a conversation. */
export function placeIn({ first, step }: Turn, n: number): number {
  return first + (n - 1) * step
}

export class Partners {
  readonly #clients: number
  readonly #each: number

  /** Throws RangeError where so many clients cannot have so many partners each. */
  constructor(clients: number, each: number) {
    if (each !== 1 && (each % 2 === 1 || each >= clients)) {
      throw new RangeError(`${clients} clients cannot write to ${each} each: give 1, or an even number below theirs`)
    }
    this.#clients = clients
    this.#each = each
  }

  /** In the order of their turns. */
  of(client: number): number[] {
    if (this.#each === 1) return [client ^ 1]
    const steps = Array.from({ length: this.#each / 2 }, (_, at) => at + 1)
    return steps.flatMap((step) => [this.#at(client + step), this.#at(client - step)])
  }

  /** Which messages of `client` are for `partner`. */
  turn(client: number, partner: number): Turn {
    return { first: this.of(client).indexOf(partner) + 1, step: this.#each }
  }

  /** Every two that write to each other, once: for each client those of higher numbers. */
  byFirst(): [number, number][][] {
    return Array.from({ length: this.#clients }, (_, client) => {
      return this.of(client).flatMap((partner): [number, number][] => (client < partner ? [[client, partner]] : []))
    })
  }

  #at(place: number): number {
    return (place + this.#clients) % this.#clients
  }
}
