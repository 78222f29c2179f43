/**
 * A world from one seed: nodes, devices and everything between them; a time of faults, a time of healing, and then the
 * question whether all promises held.
 */

import type { ActorsEvents } from '../../src/actors/events.js'
import { CorruptionError, UnavailableError } from '../../src/domain/errors.js'
import type { Address } from '../../src/log/bus.js'
import { AssertionError } from '../../src/std/assert.js'
import { type Random, seededRandom } from '../../src/std/random.js'
import type { HistoryLine, Violation } from '../checkers/history.js'
import { Activity } from './activity.js'
import { Devices } from './devices.js'
import { between, Coverage, fork } from './draw.js'
import { Healing } from './healing.js'
import { Host } from './host.js'
import { Incidents } from './incidents.js'
import { SimBusNetwork } from './sim-bus.js'
import { SimLogServer } from './sim-log-server.js'
import { SimNode } from './sim-node.js'
import { SimPlacement } from './sim-placement.js'
import { SimStoreServer } from './sim-store.js'
import { VirtualTime } from './virtual-time.js'
import { drawPlan, type WorldPlan } from './world-plan.js'

const STACK_LINES = 6

export interface TraceLine {
  readonly at: number
  readonly what: string
}

export class World {
  readonly seed: number
  readonly plan: WorldPlan
  readonly time = new VirtualTime()
  readonly coverage = new Coverage()
  readonly lines: HistoryLine[] = []
  /** Faults and what nodes said, in order: for people. */
  readonly trace: TraceLine[] = []
  readonly violations: Violation[] = []
  readonly log: SimLogServer
  readonly store: SimStoreServer
  readonly bus: SimBusNetwork
  readonly nodes: SimNode[] = []
  readonly devices: Devices
  readonly placement: SimPlacement
  readonly activity: Activity
  readonly #random: Random
  readonly #lives = new Map<string, number>()
  readonly #incidents: Incidents
  #current: Host | undefined
  isHealing = false

  constructor(seed: number) {
    this.seed = seed
    const random = seededRandom(seed)
    this.plan = drawPlan(fork(random))
    this.log = new SimLogServer(this.time, fork(random), this.coverage, this.plan.log)
    this.log.onMisuse = (what) => this.violated('port', what)
    this.store = new SimStoreServer(this.time, fork(random), this.coverage)
    this.bus = new SimBusNetwork(this.time, fork(random), this.coverage)
    this.#random = fork(random)
    const users = Array.from({ length: this.plan.users }, (_, index) => `u${index + 1}`)
    this.activity = new Activity(users, fork(random), this.coverage)
    for (let index = 0; index < this.plan.nodes; index++) this.startNode(index)
    this.placement = new SimPlacement(this.nodes, this.plan, fork(random))
    this.#incidents = new Incidents(this, fork(random))
    this.devices = new Devices(this, fork(random))
  }

  /** Runs it all. Call it once, outside of promise callbacks. */
  run(): void {
    this.placement.announce(0)
    this.log.faults = this.plan.logFaults
    this.store.faults = this.plan.storeFaults
    this.bus.faults = this.plan.busFaults
    for (const user of this.activity.users) {
      for (let device = 1; device <= this.plan.devicesPerUser; device++) this.devices.start(user, `d${device}`)
    }
    this.#incidents.schedule()
    this.time.run(this.plan.activeMs)
    this.#heal()
  }

  // ── Nodes and clients ──────────────────────────────────────────────────────────────────────────────────────────

  startNode(index: number): void {
    const life = (this.#lives.get(`n${index}`) ?? 0) + 1
    this.#lives.set(`n${index}`, life)
    const name = `n${index}.${life}`
    const host = this.hostOf(name)
    host.skewMs = between(this.#random, -this.plan.skewMsMax, this.plan.skewMsMax)
    const { shardCount, activationsMax, deliveryMode, listLimits, wire, sendQueueBytesMax } = this.plan
    this.nodes[index] = new SimNode({
      address: `${name}` as Address,
      host,
      time: this.time,
      random: fork(this.#random),
      network: this.bus,
      log: this.log,
      store: this.store,
      events: this.#events(name),
      onCrash: () => this.#incidents.died(index),
      onLagging: () => this.coverage.count('gateway: lagging connection'),
      shardCount,
      activationsMax,
      deliveryMode,
      listLimits,
      wire,
      sendQueueBytesMax,
    })
    this.note(`${name} starts`)
  }

  hostOf(name: string): Host {
    return new Host(
      name,
      this.time,
      (failed, error) => this.#failed(failed, error),
      (entered) => {
        this.#current = entered
      },
    )
  }

  // ── What goes wrong ────────────────────────────────────────────────────────────────────────────────────────────

  note(what: string): void {
    this.trace.push({ at: this.time.now, what })
  }

  violated(checker: string, message: string): void {
    this.violations.push({ checker, message })
    this.note(`VIOLATED ${checker}: ${message}`)
  }

  /** A promise of somebody was rejected, and nobody took it. */
  rejected(error: unknown): void {
    if (this.#current?.isUp === true) this.#failed(this.#current, error)
  }

  /** An exception that nobody caught ends a worker, as it does in the product; and it is a bug. */
  #failed(host: Host, error: unknown): void {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const text = stack.split('\n').slice(0, STACK_LINES).join('\n')
    this.violated(error instanceof AssertionError ? 'assert' : 'exception', `${host.name}: ${text}`)
    const index = this.nodes.findIndex((node) => node.host === host)
    if (index >= 0) this.#incidents.crash(index)
  }

  #events(name: string): ActorsEvents {
    const count = (what: string) => this.coverage.count(`actors: ${what}`)
    return {
      served: ({ shard, epoch }) => {
        count(epoch > 1 ? 'took over' : 'served first')
        this.note(`${name} serves shard ${shard} in epoch ${epoch}`)
      },
      steppedDown: ({ shard }) => {
        count('stepped down')
        this.note(`${name} stepped down from shard ${shard}`)
      },
      committed: () => {},
      refused: (refusal) => count(`refused ${refusal}`),
      appendRefused: ({ refusal }) => count(`append refused ${refusal}`),
      logLostTail: ({ shard }) =>
        this.violated('lost tail', `${name} found the log of shard ${shard} behind the store`),
      takeOverTroubled: ({ shard, cause }) => {
        count('take-over troubled')
        const isPassing = cause instanceof UnavailableError
        if (!isPassing)
          this.violated('take-over', `${name}: shard ${shard}: ${cause instanceof Error ? cause.stack : cause}`)
      },
      rowUnreadable: ({ actor, cause }) => {
        count('row unreadable')
        if (cause instanceof CorruptionError) this.violated('corruption', `${name}: ${actor.id}: ${cause.stack}`)
      },
      storeFailed: () => count('store failed'),
    }
  }

  // ── The end ────────────────────────────────────────────────────────────────────────────────────────────────────

  #heal(): void {
    this.isHealing = true
    this.note('all faults are over')
    this.#incidents.heal()
    this.log.heal()
    this.store.heal()
    this.bus.heal()
    this.placement.announce()
    const healing = new Healing(this)
    healing.run()
    healing.judge()
  }
}
