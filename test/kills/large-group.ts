/**
 * One group that grows beyond 2,000 members, shrinks below 1,500 and grows again while people write, come and go, and the
 * server is killed with -9 in between. In the end everybody's list who has a socket is what the log makes of it.
 */
import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LIMITS } from '../../src/domain/limits.js'
import { ChangeAction } from '../../src/protocol/wire-numbers.js'
import { type Random, seededRandom } from '../../src/std/random.js'
import { check } from '../checkers/check.js'
import { History, type HistoryLine, isOfMode, type Violation } from '../checkers/history.js'
import { inboxOf, textOf } from '../checkers/inboxes.js'
import { between, fork, pick } from '../sim/draw.js'
import { itemOf } from '../sim/sim-client.js'
import { Device } from './device.js'
import { readLogged, readStored } from './final-state.js'
import { Lives, within } from './lives.js'
import { GROUP } from './load.js'
import { Recorder } from './recorder.js'

export interface LargeGroupOptions {
  readonly seed: number
  readonly workers: readonly number[]
  /** Lives that end with -9 while the group is large. */
  readonly kills: number
  /** Above LIMITS.largeMembersMin. */
  readonly members: number
  /** Of the members, those with a socket; at least WRITERS. */
  readonly online: number
  /** Empty or not there; the data is left in it. */
  readonly folder: string
  onPhase?(phase: string): void
}

export interface LargeGroupReport {
  readonly members: number
  readonly online: number
  readonly events: number
  /** Kinds of the events that said how lists hear of the group, in order. */
  readonly modes: readonly string[]
  /** From the last event until every list was right. */
  readonly agreedMs: number
  readonly violations: readonly Violation[]
}

/** Those whose every event is recorded and checked; the others are looked at in the end. */
export const WRITERS = 24
const USERS_PER_CHANGE = 400
const WRITER_PAUSE_MS_MAX = 6_000
const STAY_MS = 2_000
const ONLINE_MS_MAX = 60_000
const AGREE_MS_MAX = 60_000
const LOOK_MS = 100
const DIALS_AT_ONCE = 200
const STORE_TRIES = 10
const STORE_MS = 600

export async function runLargeGroup(options: LargeGroupOptions): Promise<LargeGroupReport> {
  const crowd = new Crowd(options)
  try {
    return await crowd.run()
  } finally {
    await crowd.end()
  }
}

/** Of a device whose lines nobody needs: only what is wrong is kept. */
class Troubles extends Recorder {
  readonly #all: Recorder

  constructor(all: Recorder) {
    super()
    this.#all = all
  }

  override add(): void {}

  override trouble(message: string): void {
    this.#all.trouble(message)
  }
}

function userOf(index: number): string {
  return `u${String(index).padStart(5, '0')}`
}

class Crowd {
  readonly #options: LargeGroupOptions
  readonly #random: Random
  readonly #recorder = new Recorder()
  readonly #devices: Device[] = []
  readonly #server: Lives
  readonly #stopped = new AbortController()
  #writing: Promise<void>[] = []

  constructor(options: LargeGroupOptions) {
    const { seed, workers, online, folder } = options
    setMaxListeners(WRITERS, this.#stopped.signal)
    this.#options = options
    this.#random = seededRandom(seed)
    this.#server = new Lives(join(folder, 'data'), workers)
    const quiet = new Troubles(this.#recorder)
    for (let index = 0; index < online; index++) {
      const user = userOf(index)
      const recorder = index < WRITERS ? this.#recorder : quiet
      this.#devices.push(
        new Device({ user, device: 'phone', server: this.#server, random: fork(this.#random), recorder }),
      )
    }
  }

  async run(): Promise<LargeGroupReport> {
    const { members, online, kills, onPhase = () => {} } = this.#options
    const [owner] = this.#devices
    const users = Array.from({ length: members }, (_, index) => userOf(index))
    await this.#server.serving()
    onPhase(`${online} devices connect`)
    await this.#allOnline()
    owner!.change(GROUP, ChangeAction.create, users.slice(1, WRITERS))
    await this.#done(owner!)
    this.#writing = this.#devices.slice(0, WRITERS).map((device) => this.#write(device, fork(this.#random)))
    onPhase('the group grows')
    await this.#changeAll(ChangeAction.invite, users.slice(WRITERS))
    await this.#comeAndGo()
    for (let life = 0; life < kills; life++) {
      onPhase('the server is killed')
      await this.#server.kill()
      await this.#server.serving()
      await this.#allOnline()
      await sleep(STAY_MS)
    }
    onPhase('it shrinks, and grows again')
    const going = users.slice(LIMITS.smallMembersMax - USERS_PER_CHANGE)
    await this.#changeAll(ChangeAction.kick, going)
    await sleep(STAY_MS)
    await this.#changeAll(ChangeAction.invite, going)
    await this.#comeAndGo()
    this.#stopped.abort()
    await Promise.all(this.#writing)
    onPhase('all agree')
    return await this.#judge()
  }

  async end(): Promise<void> {
    this.#stopped.abort()
    for (const { session } of this.#devices) session.stop()
    await this.#server.stop()
  }

  async #allOnline(): Promise<void> {
    for (let at = 0; at < this.#devices.length; at += DIALS_AT_ONCE) {
      const some = this.#devices.slice(at, at + DIALS_AT_ONCE)
      for (const device of some) device.wake()
      await this.#until(ONLINE_MS_MAX, 'not all came online', () => some.every(({ session }) => session.isOnline))
    }
  }

  async #until(limitMs: number, what: string, isDone: () => boolean): Promise<void> {
    for (const until = this.#recorder.now + limitMs; !isDone(); await sleep(LOOK_MS)) {
      if (this.#recorder.now > until) throw new Error(`${what} within ${limitMs} ms`)
    }
  }

  #done(device: Device): Promise<void> {
    return this.#until(ONLINE_MS_MAX, `${device.name} heard no answer`, () => device.openCommands === 0)
  }

  async #changeAll(action: ChangeAction, users: readonly string[]): Promise<void> {
    const owner = this.#devices[0]!
    for (let at = 0; at < users.length; at += USERS_PER_CHANGE) {
      owner.change(GROUP, action, users.slice(at, at + USERS_PER_CHANGE))
      await this.#done(owner)
    }
  }

  /** Some writers leave, and are let in again. */
  async #comeAndGo(): Promise<void> {
    const leaving = this.#devices.slice(WRITERS / 2, WRITERS / 2 + 4)
    for (const device of leaving) device.change(GROUP, ChangeAction.leave, [])
    await sleep(STAY_MS)
    await this.#changeAll(
      ChangeAction.invite,
      leaving.map(({ user }) => user),
    )
    await sleep(STAY_MS)
  }

  async #write(device: Device, random: Random): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted) {
      if (device.openCommands === 0) device.send(GROUP, new Uint8Array(pick(random, [0, 40, 200])))
      await sleep(between(random, 0, WRITER_PAUSE_MS_MAX), undefined, { signal }).catch(() => {})
    }
  }

  async #judge(): Promise<LargeGroupReport> {
    const [owner] = this.#devices
    const isQuiet = () => this.#devices.every(({ session, openCommands }) => session.isSettled && openCommands === 0)
    await this.#until(AGREE_MS_MAX, 'not all settled', isQuiet)
    const lastAt = Math.max(...this.#recorder.lines.map((line) => (line.type === 'received' ? line.at : 0)))
    const readables = [{ conversation: GROUP, reader: owner!.user }]
    const read = () =>
      within(AGREE_MS_MAX, readLogged(this.#server.port!, readables, this.#recorder.spent), 'no history')
    const logged = await read()
    const history = new History(logged)
    const isRight = ({ user, session }: Device) => {
      return textOf([...session.inbox.entries].map(itemOf)) === inboxOf(history, user)
    }
    const wrong = new Set(this.#devices)
    const areAllRight = () => {
      for (const device of wrong) if (isRight(device)) wrong.delete(device)
      return wrong.size === 0
    }
    await this.#until(AGREE_MS_MAX, 'lists are wrong', areAllRight).catch(({ message }) =>
      this.#recorder.trouble(message),
    )
    const agreedMs = Math.round(this.#recorder.now - lastAt)
    this.#devices.forEach(({ name: client, user, session }, index) => {
      const at = this.#recorder.now
      this.#recorder.add({ type: 'inbox', at, client, user, items: [...session.inbox.entries].map(itemOf) })
      if (index >= WRITERS) return
      this.#recorder.add({ type: 'settled', at, client, user, conversation: GROUP.id, from: 1 })
    })
    for (const { session } of this.#devices) session.stop()
    const lines = [...this.#recorder.lines, ...logged, ...(await this.#stored(logged))]
    const troubles = this.#recorder.troubles.map((message) => ({ checker: 'devices', message }))
    const modes = logged.filter((line) => line.type === 'logged').filter(isOfMode)
    return {
      members: this.#options.members,
      online: this.#options.online,
      events: history.head(GROUP.id),
      modes: modes.map(({ kind }) => kind),
      agreedMs,
      violations: [...troubles, ...check(lines)],
    }
  }

  async #stored(logged: readonly HistoryLine[]): Promise<readonly HistoryLine[]> {
    const readables = [{ conversation: GROUP, reader: this.#devices[0]!.user }]
    const heads = new Map([[GROUP.id, new History(logged).head(GROUP.id)]])
    for (let left = STORE_TRIES; left > 0; left--) {
      await sleep(STORE_MS)
      await this.#server.stop()
      const stored = await readStored(join(this.#server.folder, 'store'), readables, heads)
      if (stored !== undefined) return stored
      await this.#server.serving()
    }
    this.#recorder.trouble('the store did not catch up with the log')
    return []
  }
}
