/**
 * All clients of one load process against one target: connects them, lets them talk, counts, and reads everything back.
 *
 * `pairs`: every two that write to each other (partners.ts) share a direct conversation, and all send. `group`: all are members of one group, and the
 * first `senders` of them send.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { signToken } from '../src/access/token.js'
import { directId, type UserId } from '../src/domain/ids.js'
import { LIMITS } from '../src/domain/limits.js'
import { ChangeAction } from '../src/protocol/wire-numbers.js'
import { beginConversations } from './beginnings.js'
import type { Address } from './connection.js'
import { inParallel } from './in-parallel.js'
import { Outgoing } from './outgoing.js'
import { type Cast, Participant } from './participant.js'
import { Partners, type Turn } from './partners.js'
import { readBack } from './read-back.js'
import { keepSchedule, turnsOf } from './schedule.js'
import { bodyOf } from './send-slots.js'
import { Tally } from './tally.js'
import { Timeline } from './timeline.js'

export interface CrowdPlan {
  readonly shape: 'pairs' | 'group'
  readonly clients: number
  /** pairs: to how many each writes. */
  readonly partners: number
  readonly senders: number
  readonly bodyBytes: number
  readonly secret: string
  /** Distinguishes the users of crowds that meet on one server. */
  readonly prefix: string
}

export type Pace =
  | { readonly kind: 'closed'; readonly window: number }
  | { readonly kind: 'open'; readonly ratePerSecond: number }

const APP = 'bench'
const TOKEN_MS = 24 * 60 * 60 * 1000
const DIRECT = 1
const GROUP = 2
/** At once; the listen backlog is 512. */
const CONNECTING_MAX = 128
const PING_EVERY_MS = 20_000
const DRAIN_MS = 20_000
/** Who ask for pages of one conversation at the same time. */
const READERS_MAX = 8
const RECONNECT_MS = 10

export class Crowd {
  readonly tally = new Tally()
  readonly plan: CrowdPlan
  readonly #partners: Partners
  readonly #participants: Participant[] = []
  /** Those who send, each at its number. */
  readonly #outgoings: Outgoing[] = []
  /** Cancels the next tick of a schedule. */
  #stopTicking: (() => void) | undefined

  constructor(plan: CrowdPlan) {
    this.plan = plan
    this.#partners = new Partners(plan.clients, plan.partners)
    const bodies = Array.from({ length: plan.shape === 'group' ? plan.senders : plan.clients }, (_, client) =>
      bodyOf(client, plan.bodyBytes),
    )
    const cast: Cast = {
      tally: this.tally,
      userOf: (client) => this.#userOf(client),
      conversationOf: (client, other) => this.#conversationOf(client, other),
      turnOf: (client, other) => this.#turnOf(client, other),
      isGroup: plan.shape === 'group',
      clients: plan.clients,
      bodyOf: (client) => bodies[client]!,
      outgoingOf: (client) => this.#outgoings[client],
      sampleEvery: Math.ceil(plan.clients / 200),
    }
    for (let index = 0; index < plan.clients; index++) {
      const claims = { app: APP, user: this.#userOf(index), expiresAt: Date.now() + TOKEN_MS }
      const token = signToken(plan.secret, claims)
      this.#participants.push(new Participant(index, cast, token))
    }
    setInterval(() => {
      for (const participant of this.#participants) participant.ping()
    }, PING_EVERY_MS)
  }

  async connect(address: Address): Promise<void> {
    await inParallel(this.#participants, CONNECTING_MAX, (participant) => participant.connect(address))
    if (this.#outgoings.length > 0) return
    const changes = this.plan.shape === 'group' ? await this.#foundGroup() : 0
    const conversationKind = this.plan.shape === 'group' ? GROUP : DIRECT
    const senders = this.plan.shape === 'group' ? this.plan.senders : this.plan.clients
    for (const participant of this.#participants.slice(0, senders)) {
      const client = participant.index
      const body = bodyOf(client, this.plan.bodyBytes)
      const letter = { conversationKind, conversations: this.#conversationsOf(client), client, body }
      const firstN = client === 0 ? changes + 1 : 1
      participant.outgoing = new Outgoing(participant.connection, letter, this.tally, firstN)
      this.#outgoings.push(participant.outgoing)
    }
  }

  /** Client 0 creates the group and invites the rest; returns how many n of its lane that took. */
  async #foundGroup(): Promise<number> {
    const founder = this.#participants[0]!
    const conversation = this.#groupId
    let n = 0
    for (let from = 1; from < this.plan.clients || n === 0; from += LIMITS.usersPerChangeMax) {
      const to = Math.min(from + LIMITS.usersPerChangeMax, this.plan.clients)
      const users = Array.from({ length: to - from }, (_, at) => this.#userOf(from + at))
      n++
      const action = n === 1 ? ChangeAction.create : ChangeAction.invite
      const change = { kind: 'change', n, action, conversationKind: GROUP, conversation, users } as const
      const answer = await founder.ask((ref) => ({ ...change, ref }))
      if (answer.kind !== 'ack')
        throw new Error(`Cannot found the group: the server answered ${JSON.stringify(answer)}`)
    }
    return n
  }

  start(pace: Pace): void {
    const now = performance.now()
    if (pace.kind === 'closed') {
      for (const outgoing of this.#outgoings) outgoing.start(pace.window, undefined, now)
    } else {
      this.#startSchedule(1000 / pace.ratePerSecond, now)
    }
  }

  #startSchedule(everyMs: number, now: number): void {
    const senders = this.#outgoings
    const schedules = turnsOf(senders.length, everyMs, now)
    for (const [rank, outgoing] of senders.entries()) outgoing.start(LIMITS.laneWindow, schedules[rank], now)
    this.#stopTicking = keepSchedule(senders, everyMs, now)
  }

  /** Ends the load; returns how many messages were due and never sent. */
  stop(): number {
    this.#stopTicking?.()
    this.#stopTicking = undefined
    const now = performance.now()
    return this.#outgoings.reduce((sum, outgoing) => sum + outgoing.stop(now), 0)
  }

  /** Resolves once everything sent is answered and nothing more is delivered. */
  async drain(): Promise<void> {
    const giveUpAt = performance.now() + DRAIN_MS
    const unanswered = () => this.#outgoings.reduce((sum, outgoing) => sum + outgoing.unanswered, 0)
    while (unanswered() > 0 && performance.now() < giveUpAt) await sleep(20)
    if (unanswered() > 0) this.tally.violate(`${unanswered()} sends were never answered`)
    for (let before = -1; before !== this.tally.delivered; await sleep(100)) before = this.tally.delivered
  }

  /** From now on a lost connection is taken up again, lane and all, at the address that the target has then. */
  surviveLoss(address: () => Address): void {
    for (const participant of this.#participants) {
      participant.expectLoss(async () => {
        for (;;) {
          const isBack = await participant.connect(address()).then(
            () => true,
            () => sleep(RECONNECT_MS).then(() => false),
          )
          if (isBack) return participant.outgoing?.resumeOn(participant.connection, performance.now())
        }
      })
    }
  }

  /** Reads every conversation back and compares it with every ack and with what was heard live. */
  async verify(): Promise<number> {
    const { shape, partners } = this.plan
    const heard = new Int32Array(this.#participants.length)
    let messages = 0
    // Whoever has several conversations reads them one after another.
    const byFirst = shape === 'group' ? [[this.#participants.map(({ index }) => index)]] : this.#partners.byFirst()
    await inParallel(byFirst, 64, async (ofFirst) => {
      for (const numbers of ofFirst) {
        const readers = partners > 1 && shape === 'pairs' ? 1 : READERS_MAX
        const timeline = await this.#verifyOne(numbers, readers)
        messages += timeline.messages
        for (const number of numbers) heard[number]! += timeline.sumOfOthers(number)
      }
    })
    for (const { index, heardAll, heardSum } of this.#participants) {
      if (heardAll && heardSum !== heard[index]) {
        this.tally.violate(`client ${index} heard something else than its conversations hold`)
      }
    }
    return messages
  }

  async #verifyOne(numbers: readonly number[], readers: number): Promise<Timeline> {
    const isGroup = this.plan.shape === 'group'
    const members = numbers.map((number) => this.#participants[number]!)
    const conversation = this.#conversationOf(numbers[0]!, numbers[1]!)
    const partnerOf = (sender: number) => numbers.find((number) => number !== sender)!
    const timeline = new Timeline(conversation, this.tally, (sender) => this.#turnOf(sender, partnerOf(sender)))
    // The first members were there from seq 1 on: nothing is hidden from them.
    const place = { conversation, conversationKind: isGroup ? GROUP : DIRECT }
    const head = await readBack(members.slice(0, readers), place, timeline)
    const senders = members.filter((member) => member.outgoing !== undefined)
    timeline.check(head, new Map(senders.map((member) => [member.index, member.outgoing!])))
    return timeline
  }

  async beginConversations(conversations: number): Promise<void> {
    const userOf = (client: number) => this.#userOf(client)
    await beginConversations(this.#participants, { conversations, userOf, body: bodyOf(0, this.plan.bodyBytes) })
  }

  /** Hangs up. `connect` comes back, lanes and all. */
  cut(): void {
    for (const participant of this.#participants) participant.connection.cut()
  }

  /** All of one length, so that every frame of a run has the same layout. */
  #userOf(client: number): string {
    return `${this.plan.prefix}-${`${client}`.padStart(6, '0')}`
  }

  get #groupId(): string {
    return `${this.plan.prefix}-group`
  }

  #conversationsOf(client: number): string[] {
    if (this.plan.shape === 'group') return [this.#groupId]
    return this.#partners.of(client).map((partner) => this.#conversationOf(client, partner))
  }

  #conversationOf(client: number, other: number): string {
    if (this.plan.shape === 'group') return this.#groupId
    return directId(this.#userOf(client) as UserId, this.#userOf(other) as UserId)
  }

  #turnOf(client: number, other: number): Turn {
    return this.plan.shape === 'group' ? { first: 1, step: 1 } : this.#partners.turn(client, other)
  }
}
