/** Tabs that share a device, in a browser whose every step is drawn: whoever closes, freezes or takes over, and when. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'vitest'
import { OneConversationServer } from '../../test/support/one-conversation-server.js'
import { type Tab, TabBrowser } from '../../test/support/tab-browser.js'
import { Client } from './client.js'
import type { ClientError } from './errors.js'
import type { Outgoing } from './outgoing.js'

/** A tab with its client, and what the application in it has seen. */
class Visit {
  readonly tab: Tab
  readonly client: Client
  readonly sent: { readonly text: string; readonly outgoing: Outgoing }[] = []
  readonly seqs: number[] = []
  readonly texts: string[] = []

  constructor(browser: TabBrowser, server: OneConversationServer) {
    this.tab = browser.open(server.transport)
    const options = { servers: ['ws://server/'], token: 'token', storage: this.tab }
    this.client = new Client(options, this.tab.platform)
    this.client.onMessage(({ seq, text }) => {
      this.seqs.push(seq)
      this.texts.push(text)
    })
    void this.#connect()
  }

  /** Who sleeps for long while it opens is told `no-leader`, and tries again. */
  async #connect(): Promise<void> {
    await this.client.connect().catch((cause: ClientError) => {
      if (cause.reason === 'no-leader') return this.#connect()
      throw cause
    })
  }

  send(text: string): Outgoing {
    const outgoing = this.client.conversation('all').send(text)
    this.sent.push({ text, outgoing })
    return outgoing
  }
}

class World {
  readonly browser: TabBrowser
  readonly server = new OneConversationServer()
  readonly visits: Visit[] = []
  #said = 0

  constructor(seed: number) {
    this.browser = new TabBrowser(seed)
  }

  get awake(): Visit[] {
    return this.visits.filter(({ tab }) => !tab.isGone && !tab.isFrozen)
  }

  get alive(): Visit[] {
    return this.visits.filter(({ tab }) => !tab.isGone)
  }

  visit(): Visit {
    const visit = new Visit(this.browser, this.server)
    this.visits.push(visit)
    return visit
  }

  send(visit: Visit): void {
    visit.send(`${visit.tab.number}.${++this.#said}`)
  }

  wake(): void {
    for (const { tab } of this.alive) tab.isFrozen = tab.isDeaf = false
  }

  say(): void {
    this.server.write('bob', `bob.${++this.#said}`)
  }

  /** Somebody is there, everybody is awake, and all has come that is to come. */
  async heal(): Promise<void> {
    if (this.alive.length === 0) this.visit()
    this.wake()
    await this.browser.quiet(60_000)
  }

  check(): void {
    const { server } = this
    deepEqual(server.complaints, [])
    equal(new Set(server.texts).size, server.texts.length, `accepted twice: ${repeated(server.texts)}`)
    for (const { tab, sent, seqs, texts } of this.visits) {
      const own = server.texts.filter((text) => text.startsWith(`${tab.number}.`))
      const given = sent.map(({ text }) => text)
      deepEqual(own, tab.isGone ? given.filter((text) => own.includes(text)) : given)
      for (const { text, outgoing } of sent) {
        const { state } = outgoing
        if (state.kind !== 'storing') ok(own.includes(text), `${text} was ${state.kind} and is not there`)
        if (!tab.isGone) deepEqual(state, { kind: 'acked', seq: server.texts.indexOf(text) + 1, time: 1 })
      }
      const first = seqs[0] ?? 1
      deepEqual(
        seqs,
        Array.from(seqs, (_, index) => first + index),
      )
      deepEqual(texts, server.texts.slice(first - 1, first - 1 + texts.length))
      if (!tab.isGone && seqs.length > 0) equal(seqs.at(-1), server.texts.length)
    }
    equal(server.peers.size, Math.min(1, this.alive.length))
  }
}

function repeated(texts: readonly string[]): string[] {
  return texts.filter((text, index) => texts.indexOf(text) !== index)
}

const LIVES = Number(process.env['LIVES'] ?? 60)
const SEED = Number(process.env['SEED'] ?? 1)

/** One life of a browser: what users, crashes and the network do is drawn, and so is the order in which it arrives. */
async function live(seed: number): Promise<void> {
  const world = new World(seed)
  const { browser, server } = world
  const draw = (below: number) => browser.draw(below)
  const one = <T>(of: readonly T[]): T | undefined => of[draw(Math.max(1, of.length))]
  world.visit()
  for (let turn = 0; turn < 400; turn++) {
    const dice = draw(100)
    const visit = one(world.awake)
    if (dice < 12 && visit !== undefined) world.send(visit)
    else if (dice < 15) world.say()
    else if (dice < 17 && world.alive.length < 4) world.visit()
    else if (dice < 18) visit?.tab.kill()
    else if (dice < 19 && visit !== undefined) {
      visit.tab.isFrozen = true
      visit.tab.isDeaf = draw(2) === 0
    } else if (dice < 21) world.wake()
    else if (dice < 22) server.cut()
    else if (dice < 26) await browser.pass(draw(4_000))
    else for (let steps = draw(12); steps >= 0 && (await browser.step()); steps--);
  }
  await world.heal()
  world.check()
}

test(
  `whatever is closed, frozen or cut, and when: nothing lost, nothing twice, all in order (SEED=${SEED} LIVES=${LIVES})`,
  async () => {
    for (let seed = SEED; seed < SEED + LIVES; seed++) {
      try {
        await live(seed)
      } catch (cause) {
        throw new Error(`SEED=${seed} LIVES=1: ${cause}`, { cause })
      }
    }
  },
  30_000 + LIVES * 1_500,
)
