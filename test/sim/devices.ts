/**
 * The programs of users' devices: they come, act, are opened a second time, lose their storage or are put away for good.
 * Of a device one program stays; who is replaced, and rightly so, is closed by its user.
 */
import type { KeptSession } from '../../src/client/journal.js'
import type { Random } from '../../src/std/random.js'
import { between, fork, pick } from './draw.js'
import type { Host } from './host.js'
import { SimClient } from './sim-client.js'
import type { World } from './world.js'

/** Somebody must be left to heal, and to watch the others. */
const RUNNING_MIN = 2

export class Devices {
  readonly running: SimClient[] = []
  readonly #world: World
  readonly #random: Random
  readonly #lives = new Map<string, number>()
  /** Where each program dialled last. */
  readonly #dialled = new WeakMap<SimClient, Host>()
  /** Whose storage another program has a copy of: they may lose their lane. */
  readonly #copied = new Set<string>()
  /** By the device: when one of its programs was closed last by its user, in virtual milliseconds. */
  readonly #closedAt = new Map<string, number>()

  constructor(world: World, random: Random) {
    this.#world = world
    this.#random = random
  }

  start(user: string, device: string, kept?: KeptSession): SimClient {
    const { time, lines, nodes, activity } = this.#world
    const name = `${user}/${device}`
    const life = (this.#lives.get(name) ?? 0) + 1
    this.#lives.set(name, life)
    const host = this.#world.hostOf(`${name}.${life}`)
    const random = fork(this.#random)
    const client = new SimClient({
      ...{ user, device, life, token: user, host, time, random, kept, watches: activity.users },
      dial: (events) => {
        const node = pick(random, nodes)
        this.#dialled.set(client, node.host)
        const socket = node.sockets.connect(host, events)
        return { send: (message) => socket.send(message), close: () => socket.abort() }
      },
      record: (line) => lines.push(line),
      violated: (checker, message) => this.#world.violated(checker, message),
      laneLost: (why) => this.#laneLost(client, why),
      rejected: (why) => this.#rejected(client, why),
    })
    this.running.push(client)
    this.#world.note(`${client.name} is opened${kept === undefined ? '' : ' with a copied storage'}`)
    host.later(0, () => client.session.start())
    this.#keepActing(client)
    return client
  }

  #keepActing(client: SimClient): void {
    const pauseMs = between(this.#random, 0, 2 * this.#world.plan.actionMs)
    client.host.later(pauseMs, () => {
      if (this.#world.isHealing) return
      this.#world.activity.act(client)
      this.#keepActing(client)
    })
  }

  // ── What users do to them ──────────────────────────────────────────────────────────────────────────────────────

  /** The device forgets everything: its next life knows nothing of what this one sent. */
  reinstall(client: SimClient): void {
    if (!this.running.includes(client)) return
    this.#close(client)
    this.start(client.user, client.device)
  }

  /** The same while it connects to a node that has no time for it just now: its Hello is read after that of its next life. */
  reinstallInHaste(client: SimClient): void {
    const { time, plan } = this.#world
    client.session.reconnect()
    time.after(between(this.#random, 0, 200 + 3 * plan.wire.latencyMsMax), () => {
      const node = this.#dialled.get(client)
      node?.pause()
      time.after(between(this.#random, 0, 2_000 + 4 * plan.wire.latencyMsMax), () => node?.resume())
      this.reinstall(client)
    })
  }

  /** A second program with the device's name and nothing else of it. */
  openTwice({ user, device }: SimClient): void {
    this.start(user, device)
  }

  /** A second program with a copy of its storage: both number their commands in one lane. */
  copy(client: SimClient): void {
    const { user, device, kept } = client
    this.#copied.add(`${user}/${device}`)
    client.sharesLane = true
    this.start(user, device, kept).sharesLane = true
  }

  /** Its user puts it away. */
  putAway(client: SimClient): void {
    if (this.running.length > RUNNING_MIN) this.#close(client)
  }

  #close(client: SimClient): void {
    this.#world.note(`${client.name} is closed`)
    this.#closedAt.set(`${client.user}/${client.device}`, this.#world.time.now)
    this.running.splice(this.running.indexOf(client), 1)
    client.die()
  }

  // ── What they are told ─────────────────────────────────────────────────────────────────────────────────────────

  #laneLost({ name, user, device }: SimClient, why: string): void {
    this.#world.coverage.count(`device: lane lost, ${why}`)
    if (this.#copied.has(`${user}/${device}`)) return
    this.#world.violated('lane lost', `${name} lost its lane, which nothing has damaged: ${why}`)
  }

  #rejected(client: SimClient, why: string): void {
    const { name, user, device, openedAt } = client
    const hasTwin =
      this.running.some((other) => other !== client && other.user === user && other.device === device) ||
      (this.#closedAt.get(`${user}/${device}`) ?? 0) > openedAt // and its end was quicker than the news
    if (why !== 'replaced' || !hasTwin) {
      return this.#world.violated('rejected', `${name} was turned away for good: ${why}`)
    }
    this.#world.coverage.count('device: replaced by its twin')
    this.#world.note(`${name} was replaced`)
    this.running.splice(this.running.indexOf(client), 1)
    this.#world.time.after(0, () => client.die())
  }
}
