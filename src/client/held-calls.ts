/**
 * Calls that wait until the storage is open and it is known who we are, without which a direct conversation has no name.
 * They run in order; in the usual case at once.
 */

import type { ClientDevice } from './client-device.js'
import type { ConversationName } from './command-queue.js'
import type { Conversation } from './conversation.js'
import { ClientError } from './errors.js'

export interface HeldCall {
  readonly conversation: Conversation
  run(device: ClientDevice, name: ConversationName): void
  /** The client was closed before. */
  closed(): void
}

/** As many commands as may be without an outcome, and as many reads and streams. */
const HELD_MAX = 20_000

export class HeldCalls {
  readonly #device: () => ClientDevice | undefined
  #held: HeldCall[] = []

  /** `device`: undefined until the storage is open. */
  constructor(device: () => ClientDevice | undefined) {
    this.#device = device
  }

  /** Throws ClientError `queue-full`. */
  whenNamed(call: HeldCall): void {
    if (this.#held.length >= HELD_MAX)
      throw new ClientError('queue-full', 'Cannot do that: too much waits for a server')
    this.#held.push(call)
    this.run()
  }

  /** Runs what can run now. */
  run(): void {
    const device = this.#device()
    if (device === undefined) return
    const held = this.#held
    this.#held = []
    for (const each of held) {
      const { name } = each.conversation
      if (name === undefined) this.#held.push(each)
      else each.run(device, name)
    }
  }

  close(): void {
    for (const { closed } of this.#held) closed()
  }
}
