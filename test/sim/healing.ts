/**
 * The end of a world: all faults are over, everybody has some time to agree again, and then it is asked whether all
 * promises held.
 */
import { LIMITS } from '../../src/domain/limits.js'
import { check } from '../checkers/check.js'
import { History, isOfMode } from '../checkers/history.js'
import { inboxOf } from '../checkers/inboxes.js'
import { readFinalLog, readFinalStore } from './final-state.js'
import { joinedTooMany } from './join-limit.js'
import type { SimClient } from './sim-client.js'
import type { World } from './world.js'

/** Virtual milliseconds that everybody has to agree again once all faults are over. */
const HEALING_MS_MAX = 120_000
/** From then on for lists and presence: the beacons of 2 s and 8 s, the digests of 5 s and 10 s; not the minute's digest. */
const AGREEING_MS_MAX = 15_000
const LOOK_MS = 250
/** From the news that a shard is theirs to service, contention included. */
const TAKEOVER_MS_MAX = 10_000

export class Healing {
  readonly #world: World
  readonly #deadline: number

  constructor(world: World) {
    this.#world = world
    this.#deadline = world.plan.activeMs + HEALING_MS_MAX
  }

  run(): void {
    const { time, plan, activity, log, devices } = this.#world
    this.#runUntil(this.#deadline, () => this.#areSettled())
    // An owner that was replaced and has not heard may answer reads from before, until it must prove itself (rules §1).
    time.run(Math.max(time.now, plan.activeMs + plan.newsMsMax + TAKEOVER_MS_MAX + LIMITS.ownerSilenceMs))
    const { lines } = readFinalLog(log)
    const wanted = new History(lines)
    const texts = new Map(activity.users.map((user) => [user, inboxOf(wanted, user)]))
    const doAgree = () =>
      this.#clients.every((client) => client.inboxText === texts.get(client.user) && this.#wrongPresence(client) === '')
    this.#runUntil(time.now + AGREEING_MS_MAX, doAgree)
    for (const client of this.#clients) this.#beliefsOf(client)
    // Of what is long past, a new device hears by asking or not at all.
    for (const user of activity.users) devices.start(user, 'new')
    this.#runUntil(time.now + AGREEING_MS_MAX, doAgree)
    // What was delivered last may have been lost on the bus, and nothing came after it: whoever opens the app asks.
    for (const client of this.#clients) for (const each of activity.conversations) client.session.follow(each)
    this.#runUntil(this.#deadline, () => this.#areSettled() && this.#isStored())
    this.#world.note('the end')
    for (const client of this.#clients) this.#endOf(client)
    if (!this.#isStored()) this.#world.violated('healing', 'the store never caught up with the log')
  }

  get #clients(): readonly SimClient[] {
    return this.#world.devices.running
  }

  #areSettled(): boolean {
    return this.#clients.every(({ session }) => session.isSettled)
  }

  #runUntil(deadline: number, isDone: () => boolean): void {
    const { time, violations } = this.#world
    const isOver = () => isDone() || violations.length > 0
    while (time.now < deadline && !isOver()) time.run(Math.min(deadline, time.now + LOOK_MS))
  }

  /** Every shard's snapshot stands at, or past, the last frame that says anything. */
  #isStored(): boolean {
    const { log, store } = this.#world
    return log.shards().every((shard) => {
      const lastEvents = log.ledger(shard).findLast((frame) => frame.bytes.byteLength > 64)
      return lastEvents === undefined || (store.snapshots.get(shard)?.tail ?? 0) >= lastEvents.tail
    })
  }

  /** Of which users this client believes what is not so; all programs that run are connected by now. */
  #wrongPresence(client: SimClient): string {
    const wrong = this.#world.activity.users.filter((user) => {
      const isOnline = this.#clients.some((other) => other.user === user)
      return client.presence.get(user) !== isOnline
    })
    return wrong.map((user) => `${user} is ${client.presence.get(user) ? 'online' : 'offline'}`).join(', ')
  }

  /** Its list is for a checker; of presence only the world knows what is so. */
  #beliefsOf(client: SimClient): void {
    const { name, user, inbox: items } = client
    const { time, lines } = this.#world
    lines.push({ type: 'inbox', at: time.now, client: name, user, items })
    const wrong = this.#wrongPresence(client)
    if (wrong !== '') this.#world.violated('presence', `${name} believes that ${wrong}`)
  }

  #endOf(client: SimClient): void {
    const { name, user, device } = client
    const { time, lines, activity } = this.#world
    this.#beliefsOf(client)
    if (!client.session.isSettled) {
      const state = client.session.isOnline ? `online with ${client.openCommands} open commands` : 'offline'
      this.#world.violated('healing', `${name} did not settle: it is ${state}`)
    }
    const twins = this.#clients.filter((other) => other.user === user && other.device === device)
    if (twins.length > 1) this.#world.violated('sessions', `${name} is one of ${twins.length} programs of its device`)
    for (const { id: conversation } of activity.conversations) {
      lines.push({ type: 'settled', at: time.now, client: name, user, conversation, from: 1 })
    }
  }

  judge(): void {
    const { log, store, lines: all, coverage } = this.#world
    const { lines, wrong, frames } = readFinalLog(log)
    for (const what of wrong) this.#world.violated('chain', what)
    for (const [kind, count] of frames) coverage.count(`frame: ${kind}`, count)
    all.push(...lines, ...readFinalStore(store))
    for (const { checker, message } of check(all)) this.#world.violated(checker, message)
    for (const message of joinedTooMany(this.#world, new History(lines))) this.#world.violated('join limit', message)
    for (const line of all) {
      if (line.type === 'refused') coverage.count(`refused: ${line.code}`)
      else if (line.type === 'spent' && line.code === 0) coverage.count('line: voided')
      else if (line.type === 'logged' && isOfMode(line)) coverage.count(`event: ${line.kind}`)
      else coverage.count(`line: ${line.type}`)
    }
  }
}
