/** What this tab has handed over to the leader and has no outcome yet: it is handed over again to the next one. */
import type { Clock } from '../std/clock.js'
import type { NamedCommand } from './client-device.js'
import { ownBytes, type TabCommand } from './tab-words.js'

export class TabCommands {
  readonly #open = new Map<string, TabCommand>()
  readonly #unstored = new Set<string>()
  #outcomes = 0
  #allStored: () => void = () => {}

  /** How many commands of the device ever had an outcome, as far as this tab has heard. */
  heard(outcomes: number): void {
    this.#outcomes = outcomes
  }

  add(given: NamedCommand): TabCommand {
    this.#unstored.add(given.command.id)
    return this.restore(given)
  }

  /** The leader has it already. */
  restore({ name, command }: NamedCommand): TabCommand {
    const { id, body } = command
    const own = body.kind === 'send' ? { id, body: { ...body, content: ownBytes(body.content) } } : command
    const handed = { name, command: own, since: this.#outcomes }
    this.#open.set(id, handed)
    return handed
  }

  stored(id: string): void {
    this.#unstored.delete(id)
    if (this.#unstored.size === 0) this.#allStored()
  }

  ended(id: string): void {
    this.#open.delete(id)
    this.stored(id)
  }

  /** In the order in which they were given. */
  all(): TabCommand[] {
    return [...this.#open.values()]
  }

  /** Resolves when nothing of this tab would be lost with the leader, or at `deadlineMs` from now. */
  settle(clock: Clock, deadlineMs: number): Promise<void> {
    if (this.#unstored.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = clock.after(deadlineMs, resolve)
      this.#allStored = () => {
        timer.cancel()
        resolve()
      }
    })
  }
}
