/**
 * A browser with tabs, for tests: storage, lock and channels as a browser has them, a network, and a scheduler that lets the
 * test choose what happens next. A tab may be closed or frozen at any step; what it posted or wrote before arrives.
 */
import { equal } from 'node:assert/strict'
import type { Platform } from '../../src/client/client-options.js'
import type { ConnectionEvents } from '../../src/client/link.js'
import {
  type ClientStorage,
  EPOCH,
  FencedError,
  type SharedStorage,
  type TabChannel,
} from '../../src/client/storage.js'
import type { Clock, Timer } from '../../src/std/clock.js'
import { type Random, seededRandom } from '../../src/std/random.js'

interface Alarm {
  readonly at: number
  readonly task: () => void
}

/** Runs what is due when the world says so; a frozen tab's alarms wait. */
class TabClock implements Clock {
  readonly alarms = new Set<Alarm>()
  readonly #time: () => number

  constructor(time: () => number) {
    this.#time = time
  }

  now = () => 1_700_000_000_000 + this.#time()
  monotonic = () => this.#time()
  soon = (task: () => void) => queueMicrotask(task)

  after(delayMs: number, task: () => void): Timer {
    const alarm = { at: this.#time() + delayMs, task }
    this.alarms.add(alarm)
    return { cancel: () => void this.alarms.delete(alarm) }
  }
}

interface Elected {
  readonly tab: Tab
  readonly release: () => void
  readonly steal: () => void
}

interface Waiting {
  readonly tab: Tab
  grant(): void
}

export class TabBrowser {
  readonly random: Random
  readonly tabs: Tab[] = []
  /** Pipes of events that are to come, each in its order; a pipe into a frozen tab stands still. */
  readonly #pipes = new Map<string, { readonly to: Tab | undefined; readonly events: (() => void)[] }>()
  readonly entries = new Map<string, string>()
  epoch = 0
  timeMs = 0
  #leader: Elected | undefined
  #waiting: Waiting[] = []

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  open(dial: Platform['transport']): Tab {
    const tab = new Tab(this, this.tabs.length, dial)
    this.tabs.push(tab)
    return tab
  }

  /** `to`: undefined for the browser itself. */
  send(pipe: string, to: Tab | undefined, event: () => void): void {
    const found = this.#pipes.get(pipe) ?? { to, events: [] }
    this.#pipes.set(pipe, found)
    found.events.push(event)
  }

  elect(tab: Tab, isForced: boolean, grant: () => void, stolen: () => void, release: Promise<void>): void {
    const waiting: Waiting = {
      tab,
      grant: () => {
        const elected: Elected = { tab, release: () => {}, steal: stolen }
        this.#leader = elected
        void release.then(() => {
          if (this.#leader !== elected) return
          this.#leader = undefined
          this.#grantNext()
        })
        grant()
      },
    }
    if (isForced) {
      this.#leader?.steal()
      waiting.grant()
    } else {
      this.#waiting.push(waiting)
      if (this.#leader === undefined) this.#grantNext()
    }
  }

  #grantNext(): void {
    this.#waiting.shift()?.grant()
  }

  gone(tab: Tab): void {
    this.#waiting = this.#waiting.filter((each) => each.tab !== tab)
    if (this.#leader?.tab !== tab) return
    this.#leader = undefined
    this.#grantNext()
  }

  /** One event, drawn at random; false where none is to come. Then everything that follows from it within its task. */
  async step(): Promise<boolean> {
    const ready = [...this.#pipes].filter(([, { to, events }]) => events.length > 0 && to?.isFrozen !== true)
    if (ready.length === 0) return false
    const [name, { to, events }] = ready[this.draw(ready.length)]!
    const event = events.shift()!
    if (events.length === 0) this.#pipes.delete(name)
    if (to?.isGone !== true) event()
    await settled()
    return true
  }

  /** Time goes on by so much: alarms of all tabs that are awake. */
  async pass(ms: number): Promise<void> {
    const until = this.timeMs + ms
    for (;;) {
      const awake = this.tabs.filter(({ isGone, isFrozen }) => !isGone && !isFrozen)
      const due = awake
        .flatMap(({ clock }) => [...clock.alarms].map((alarm) => ({ clock, alarm })))
        .filter(({ alarm }) => alarm.at <= until)
        .sort((a, b) => a.alarm.at - b.alarm.at)[0]
      if (due === undefined) break
      due.clock.alarms.delete(due.alarm)
      this.timeMs = Math.max(this.timeMs, due.alarm.at)
      due.alarm.task()
      await settled()
    }
    this.timeMs = until
  }

  /** Everything that is to come has come, time and all, for `ms`. */
  async quiet(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      for (let steps = 0; await this.step(); steps++) equal(steps < 1_000_000, true)
      await this.pass(500)
    }
  }

  draw(below: number): number {
    return this.random.uint32() % below
  }
}

/** Promises have their way: no more of them follow from one another in one task of ours. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export class Tab implements SharedStorage {
  readonly browser: TabBrowser
  readonly number: number
  readonly clock: TabClock
  readonly platform: Platform
  isFrozen = false
  isGone = false
  /** What is posted to it is lost, as to a page that is kept for going back to. */
  isDeaf = false
  readonly #ears = new Set<(message: unknown) => void>()
  readonly #sockets = new Set<{ close(): void }>()

  constructor(browser: TabBrowser, number: number, dial: Platform['transport']) {
    this.browser = browser
    this.number = number
    this.clock = new TabClock(() => browser.timeMs)
    const transport: Platform['transport'] = (url, events) => {
      const connection = dial(url, this.#hearing(events))
      this.#sockets.add(connection)
      return { send: (bytes) => this.#do('out', () => connection.send(bytes.slice())), close: () => connection.close() }
    }
    this.platform = { transport, clock: this.clock, random: seededRandom(browser.random.uint32()) }
  }

  /** As when it is closed, or crashes: what it posted and wrote before arrives, and nothing after. */
  kill(): void {
    this.isGone = true
    for (const socket of this.#sockets) socket.close()
    this.#do('lock', () => this.browser.gone(this), true)
  }

  elect(isForced: boolean, lead: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      let freed = () => {}
      const release = new Promise<void>((free) => {
        freed = free
      })
      const led = () => {
        freed()
        resolve()
      }
      const grant = () => this.#hear('lock', () => void lead().then(led))
      const stolen = () => this.#hear('lock', () => reject(new Error('AbortError')))
      this.#do('lock', () => this.browser.elect(this, isForced, grant, stolen, release))
    })
  }

  hold(): ClientStorage {
    const { browser } = this
    let epoch = 0
    let isClosed = false
    return {
      open: () =>
        this.#io(() => {
          epoch = ++browser.epoch
          browser.entries.set(EPOCH, `${epoch}`)
          return new Map(browser.entries)
        }),
      write: (changes) =>
        this.#io(() => {
          if (epoch !== browser.epoch || isClosed) throw new FencedError()
          for (const [key, value] of changes) {
            if (value === undefined) browser.entries.delete(key)
            else browser.entries.set(key, value)
          }
        }),
      close: async () => {
        isClosed = true
      },
    }
  }

  channel(heard: (message: unknown) => void): TabChannel {
    this.#ears.add(heard)
    return {
      post: (message) => {
        if (this.isGone) return
        for (const other of this.browser.tabs) {
          if (other === this) continue
          const copy = structuredClone(message)
          const pipe = `channel ${this.number} ${other.number}`
          if (other.isDeaf) continue
          this.browser.send(pipe, other, () => {
            for (const ear of [...other.#ears]) ear(copy)
          })
        }
      },
      close: () => this.#ears.delete(heard),
    }
  }

  #io<T>(act: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#do('storage', () => {
        try {
          const result = act()
          this.#hear('storage', () => resolve(result))
        } catch (cause) {
          this.#hear('storage', () => reject(cause))
        }
      })
    })
  }

  #hearing(events: ConnectionEvents): ConnectionEvents {
    return {
      opened: () => this.#hear('in', () => events.opened()),
      received: (message) => this.#hear('in', () => events.received(message)),
      closed: () => this.#hear('in', () => events.closed()),
    }
  }

  /** Of this tab's doing: it happens, in order, even where the tab is gone by then. */
  #do(what: string, act: () => void, isLast = false): void {
    if (!this.isGone || isLast) this.browser.send(`do ${what} ${this.number}`, undefined, act)
  }

  #hear(what: string, act: () => void): void {
    this.browser.send(`hear ${what} ${this.number}`, this, act)
  }
}
