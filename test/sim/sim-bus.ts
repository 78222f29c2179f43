/**
 * The bus between nodes: loses, delays, doubles and reorders by its faults; without them it keeps order. What a node
 * says to itself goes over a message port and always arrives.
 */
import type { Address, Bus } from '../../src/log/bus.js'
import type { Random } from '../../src/std/random.js'
import { between, type Coverage, chance } from './draw.js'
import type { Host } from './host.js'
import type { VirtualTime } from './virtual-time.js'

export interface BusFaults {
  readonly lost: number
  readonly doubled: number
  /** Overtaken by what was published up to `delayMsMax` later. */
  readonly delayed: number
  readonly delayMsMax: number
}

export const HONEST_BUS: BusFaults = { lost: 0, doubled: 0, delayed: 0, delayMsMax: 0 }

const LATENCY_MS = 0.2

export class SimBusNetwork {
  faults: BusFaults = HONEST_BUS
  readonly #time: VirtualTime
  readonly #random: Random
  readonly #coverage: Coverage
  readonly #ends = new Map<Address, SimBus>()
  /** Pairs of host names that cannot hear each other, both ways. */
  readonly #cut = new Set<string>()

  constructor(time: VirtualTime, random: Random, coverage: Coverage) {
    this.#time = time
    this.#random = random
    this.#coverage = coverage
  }

  attach(self: Address, host: Host): SimBus {
    const end = new SimBus(self, host, this)
    this.#ends.set(self, end)
    return end
  }

  detach(self: Address): void {
    this.#ends.delete(self)
  }

  cut(a: Host, b: Host): void {
    this.#cut.add(`${a.name}|${b.name}`).add(`${b.name}|${a.name}`)
  }

  join(a: Host, b: Host): void {
    this.#cut.delete(`${a.name}|${b.name}`)
    this.#cut.delete(`${b.name}|${a.name}`)
  }

  heal(): void {
    this.faults = HONEST_BUS
    this.#cut.clear()
  }

  carry(from: SimBus, to: Address, bytes: Uint8Array): void {
    const end = this.#ends.get(to)
    if (end === undefined) return
    if (end === from) this.#deliver(end, from.self, bytes, 0)
    else if (this.#cut.has(`${from.host.name}|${end.host.name}`)) this.#coverage.count('bus: cut')
    else if (chance(this.#random, this.faults.lost)) this.#coverage.count('bus: lost')
    else this.#carryFar(from, end, bytes)
  }

  #carryFar(from: SimBus, end: SimBus, bytes: Uint8Array): void {
    const { doubled, delayed, delayMsMax } = this.faults
    let delayMs = LATENCY_MS
    if (chance(this.#random, delayed)) {
      this.#coverage.count('bus: delayed')
      delayMs += between(this.#random, 0, delayMsMax)
    }
    if (chance(this.#random, doubled)) {
      this.#coverage.count('bus: doubled')
      this.#deliver(end, from.self, new Uint8Array(bytes), delayMs + between(this.#random, 0, delayMsMax))
    }
    this.#deliver(end, from.self, bytes, delayMs)
  }

  #deliver(end: SimBus, from: Address, bytes: Uint8Array, delayMs: number): void {
    this.#time.after(delayMs, () => end.host.later(0, () => end.receive(from, bytes)))
  }
}

export class SimBus implements Bus {
  readonly self: Address
  readonly host: Host
  readonly #network: SimBusNetwork
  #listener: (from: Address, bytes: Uint8Array) => void = () => {}

  constructor(self: Address, host: Host, network: SimBusNetwork) {
    this.self = self
    this.host = host
    this.#network = network
  }

  publish(to: Address, bytes: Uint8Array): void {
    if (this.host.mayAct()) this.#network.carry(this, to, bytes)
  }

  onMessage(listener: (from: Address, bytes: Uint8Array) => void): void {
    this.#listener = listener
  }

  receive(from: Address, bytes: Uint8Array): void {
    this.#listener(from, bytes)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#network.detach(this.self)
  }
}
