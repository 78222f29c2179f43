/**
 * A world from one seed: nodes, devices and everything between them; a time of faults, a time of healing, and then the
 * question whether all promises held.
 */

import type { ActorsEvents } from '../../src/actors/events.js'
import { CorruptionError, UnavailableError } from '../../src/domain/errors.js'
import { LIMITS } from '../../src/domain/limits.js'
import type { Address } from '../../src/log/bus.js'
import { AssertionError } from '../../src/std/assert.js'
import { type Random, seededRandom } from '../../src/std/random.js'
import { check } from '../checkers/check.js'
import { History, type HistoryLine, isOfMode, type Violation } from '../checkers/history.js'
import { inboxOf } from '../checkers/inboxes.js'
import { Activity } from './activity.js'
import { between, Coverage, fork, pick } from './draw.js'
import { readFinalLog, readFinalStore } from './final-state.js'
import { Host } from './host.js'
import { Incidents } from './incidents.js'
import { SimBusNetwork } from './sim-bus.js'
import { SimClient } from './sim-client.js'
import { SimLogServer } from './sim-log-server.js'
import { SimNode } from './sim-node.js'
import { SimPlacement } from './sim-placement.js'
import { SimStoreServer } from './sim-store.js'
import { VirtualTime } from './virtual-time.js'
import { drawPlan, type WorldPlan } from './world-plan.js'

/** Virtual milliseconds that everybody has to agree again once all faults are over. */
const HEALING_MS_MAX = 120_000
const LOOK_MS = 250
/** From the news that a shard is theirs to service, contention included. */
const TAKEOVER_MS_MAX = 10_000
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
  readonly clients: SimClient[] = []
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
  }

  /** Runs it all. Call it once, outside of promise callbacks. */
  run(): void {
    this.placement.announce(0)
    this.log.faults = this.plan.logFaults
    this.store.faults = this.plan.storeFaults
    this.bus.faults = this.plan.busFaults
    for (const user of this.activity.users) {
      for (let device = 1; device <= this.plan.devicesPerUser; device++)
        this.#keepActing(this.startClient(user, `d${device}`))
    }
    this.#incidents.schedule()
    this.time.run(this.plan.activeMs)
    this.#heal()
    this.#judge()
  }

  // ── Nodes and clients ──────────────────────────────────────────────────────────────────────────────────────────

  startNode(index: number): void {
    const life = (this.#lives.get(`n${index}`) ?? 0) + 1
    this.#lives.set(`n${index}`, life)
    const name = `n${index}.${life}`
    const host = this.#host(name)
    host.skewMs = between(this.#random, -this.plan.skewMsMax, this.plan.skewMsMax)
    const { shardCount, activationsMax, deliveryMode, wire, sendQueueBytesMax } = this.plan
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
      wire,
      sendQueueBytesMax,
    })
    this.note(`${name} starts`)
  }

  startClient(user: string, device: string): SimClient {
    const name = `${user}/${device}`
    const life = (this.#lives.get(name) ?? 0) + 1
    this.#lives.set(name, life)
    const host = this.#host(`${name}.${life}`)
    const random = fork(this.#random)
    const client = new SimClient({
      user,
      device,
      life,
      token: user,
      host,
      time: this.time,
      random,
      dial: (events) => {
        const socket = pick(random, this.nodes).sockets.connect(host, events)
        return { send: (message) => socket.send(message), close: () => socket.abort() }
      },
      record: (line) => this.lines.push(line),
      violated: (checker, message) => this.violated(checker, message),
    })
    this.clients.push(client)
    host.later(0, () => client.session.start())
    return client
  }

  /** The device forgets everything: its next life knows nothing of what this one sent. */
  reinstall(client: SimClient): void {
    this.clients.splice(this.clients.indexOf(client), 1)
    client.die()
    const [user, device] = client.name.split(/[/.]/)
    this.#keepActing(this.startClient(user!, device!))
  }

  #keepActing(client: SimClient): void {
    const pauseMs = between(this.#random, 0, 2 * this.plan.actionMs)
    client.host.later(pauseMs, () => {
      if (this.isHealing) return
      this.activity.act(client)
      this.#keepActing(client)
    })
  }

  #host(name: string): Host {
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
    const { activeMs, newsMsMax } = this.plan
    const deadline = activeMs + HEALING_MS_MAX
    this.#runUntil(deadline, () => this.clients.every((client) => client.session.isSettled))
    // An owner that was replaced and has not heard may answer reads from before, until it must prove itself (rules §1).
    this.time.run(Math.max(this.time.now, activeMs + newsMsMax + TAKEOVER_MS_MAX + LIMITS.ownerSilenceMs))
    // What was delivered last may have been lost on the bus, and nothing came after it: whoever opens the app asks.
    for (const client of this.clients) for (const each of this.activity.conversations) client.session.follow(each)
    this.#runUntil(deadline, () => this.clients.every((client) => client.session.isSettled) && this.#isStored())
    // The last push may have been lost, and all its beacons but the minute's digest.
    const { lines } = readFinalLog(this.log)
    const wanted = new History(lines)
    const texts = new Map(this.activity.users.map((user) => [user, inboxOf(wanted, user)]))
    const isTold = (client: SimClient) => client.session.isSettled && client.inboxText === texts.get(client.user)
    this.#runUntil(deadline, () => this.clients.every(isTold))
    this.note('the end')
    for (const client of this.clients) this.#endOf(client)
    if (!this.#isStored()) this.violated('healing', 'the store never caught up with the log')
  }

  #runUntil(deadline: number, isDone: () => boolean): void {
    const isOver = () => isDone() || this.violations.length > 0
    while (this.time.now < deadline && !isOver()) this.time.run(Math.min(deadline, this.time.now + LOOK_MS))
  }

  /** Every shard's snapshot stands at, or past, the last frame that says anything. */
  #isStored(): boolean {
    return this.log.shards().every((shard) => {
      const lastEvents = this.log.ledger(shard).findLast((frame) => frame.bytes.byteLength > 64)
      return lastEvents === undefined || (this.store.snapshots.get(shard)?.tail ?? 0) >= lastEvents.tail
    })
  }

  #endOf(client: SimClient): void {
    const { name, user, inbox: items } = client
    this.lines.push({ type: 'inbox', at: this.time.now, client: name, user, items })
    if (!client.session.isSettled) {
      const state = client.session.isOnline ? `online with ${client.openCommands} open commands` : 'offline'
      this.violated('healing', `${client.name} did not settle: it is ${state}`)
    }
    for (const { id: conversation } of this.activity.conversations) {
      this.lines.push({
        type: 'settled',
        at: this.time.now,
        client: client.name,
        user: client.user,
        conversation,
        from: 1,
      })
    }
  }

  #judge(): void {
    const { lines, wrong, frames } = readFinalLog(this.log)
    for (const what of wrong) this.violated('chain', what)
    for (const [kind, count] of frames) this.coverage.count(`frame: ${kind}`, count)
    this.lines.push(...lines, ...readFinalStore(this.store))
    for (const violation of check(this.lines)) this.violated(violation.checker, violation.message)
    this.#countLines()
  }

  #countLines(): void {
    for (const line of this.lines) {
      if (line.type === 'refused') this.coverage.count(`refused: ${line.code}`)
      else if (line.type === 'spent' && line.code === 0) this.coverage.count('line: voided')
      else if (line.type === 'logged' && isOfMode(line)) this.coverage.count(`event: ${line.kind}`)
      else this.coverage.count(`line: ${line.type}`)
    }
  }
}
