/**
 * Commands that wait for their actor, or for room. Bounded; when full, the client hears mailbox-full.
 */
import type { Bytes } from '../std/bytes.js'
import type { InLink, Target } from './owner-link.js'
import type { Session } from './peers.js'

export interface ParkedCommand {
  readonly link: InLink
  readonly k: number
  readonly session: Session
  readonly target: Target
  /** A copy of ours. */
  readonly frame: Bytes
  /** Monotonic milliseconds. */
  readonly since: number
}

export class Mailbox {
  #commands: ParkedCommand[] = []
  #taken = 0

  get size(): number {
    return this.#commands.length - this.#taken
  }

  offer(command: ParkedCommand): void {
    this.#commands.push(command)
  }

  peek(): ParkedCommand | undefined {
    return this.#commands[this.#taken]
  }

  take(): ParkedCommand | undefined {
    const command = this.#commands[this.#taken]
    if (command === undefined) return undefined
    this.#taken++
    if (this.#taken === this.#commands.length || this.#taken > 1024) {
      this.#commands = this.#commands.slice(this.#taken)
      this.#taken = 0
    }
    return command
  }
}
