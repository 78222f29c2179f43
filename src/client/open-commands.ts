/** A client's messages and changes on their way: those without an outcome, in the order they were sent. */
import type { CommandOutcome } from './command-queue.js'
import type { Outgoing } from './outgoing.js'
import type { Message } from './timeline-event.js'

export class OpenCommands {
  #byId = new Map<string, Outgoing>()

  get size(): number {
    return this.#byId.size
  }

  all(): Outgoing[] {
    return [...this.#byId.values()]
  }

  add(outgoing: Outgoing): void {
    this.#byId.set(outgoing.id, outgoing)
  }

  /** The storage is open: what it held comes before what was sent since. */
  restore(kept: readonly Outgoing[]): void {
    this.#byId = new Map([...kept, ...this.all()].map((outgoing) => [outgoing.id, outgoing]))
  }

  advance(id: string, kind: 'queued' | 'sent'): void {
    this.#byId.get(id)?.advance(kind)
  }

  /** Where nobody knows the place of what was accepted, its timeline may still tell. */
  settle(id: string, outcome: CommandOutcome): void {
    const outgoing = this.#byId.get(id)
    if (outcome.kind === 'refused' || outcome.seq !== undefined) this.#byId.delete(id)
    outgoing?.settle(outcome)
  }

  lose(id: string): void {
    this.#byId.get(id)?.lose()
  }

  /** A message of unknown outcome that turns up in its timeline was accepted after all. */
  found({ id, seq, time }: Message): void {
    if (this.#byId.get(id)?.state.kind === 'unknown') this.settle(id, { kind: 'acked', seq, time, n: 0 })
  }

  abandon(): void {
    for (const outgoing of this.#byId.values()) outgoing.abandon()
  }
}
