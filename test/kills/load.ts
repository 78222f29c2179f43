/**
 * What people do while their server is being killed: write to a friend and to one group without a pause longer than a
 * few milliseconds, let each other in, leave, throw each other out. Some of it is not theirs to do and is refused.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConversationName } from '../../src/client/command-queue.js'
import { ActorKind, directId, type UserId } from '../../src/domain/ids.js'
import { ChangeAction } from '../../src/protocol/wire-numbers.js'
import type { Random } from '../../src/std/random.js'
import { between, chance, fork, pick, wholeBetween } from '../sim/draw.js'
import type { Device } from './device.js'

export const GROUP: ConversationName = { kind: ActorKind.group, id: 'kitchen' }

const GROUP_PEOPLE_MAX = 10
const OPEN_COMMANDS_MAX = 24
const PAUSE_MS_MAX = 40
const BURST_MAX = 6

export class Load {
  readonly #devices: readonly Device[]
  readonly #random: Random
  readonly #people: readonly string[]
  readonly #stopped = new AbortController()
  #loops: Promise<void>[] = []

  constructor(devices: readonly Device[], random: Random) {
    this.#devices = devices
    this.#random = random
    this.#people = devices.slice(0, GROUP_PEOPLE_MAX).map(({ user }) => user)
  }

  start(): void {
    this.#devices[0]!.change(GROUP, ChangeAction.create, this.#people.slice(1, 6))
    this.#loops = this.#devices.map((device, index) => this.#run(device, index, fork(this.#random)))
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await Promise.all(this.#loops)
  }

  /** The direct conversation of a device with its neighbour. */
  direct(index: number): ConversationName {
    const [a, b] = [this.#devices[index], this.#devices[index ^ 1] ?? this.#devices[0]]
    return { kind: ActorKind.direct, id: directId(a!.user as UserId, b!.user as UserId) }
  }

  /** Whether this device has to do with the group. */
  isOfGroup(index: number): boolean {
    return index < GROUP_PEOPLE_MAX
  }

  async #run(device: Device, index: number, random: Random): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted) {
      if (device.openCommands < OPEN_COMMANDS_MAX) this.#act(device, index, random)
      await sleep(between(random, 0, PAUSE_MS_MAX))
    }
  }

  #act(device: Device, index: number, random: Random): void {
    const dice = this.isOfGroup(index) ? wholeBetween(random, 1, 100) : 1
    if (dice <= 70) this.#write(device, this.direct(index), random)
    else if (dice <= 91) this.#write(device, GROUP, random)
    else if (dice <= 94 && index !== 0) device.change(GROUP, ChangeAction.leave, [])
    else {
      const action = pick(random, [ChangeAction.invite, ChangeAction.invite, ChangeAction.kick])
      device.change(GROUP, action, [pick(random, this.#people.slice(1))])
    }
  }

  #write(device: Device, to: ConversationName, random: Random): void {
    for (let left = wholeBetween(random, 1, BURST_MAX); left > 0; left--) {
      device.send(to, new Uint8Array(wholeBetween(random, 0, chance(random, 0.02) ? 20_000 : 200)))
    }
  }
}
