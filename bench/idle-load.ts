/**
 * A client process of devices that are mostly just there (idle-device.ts): they connect, are cut off and come back all at
 * once, ping, and in pairs say one thing to each other.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { signToken } from '../src/access/token.js'
import { LIMITS } from '../src/domain/limits.js'
import type { Address } from './connection.js'
import type { Pace } from './crowd.js'
import { Histogram } from './histogram.js'
import { IdleDevice } from './idle-device.js'
import { inParallel } from './in-parallel.js'
import type { HistogramData } from './load.js'
import { answerQuestions } from './questions.js'
import { keepSchedule, turnsOf } from './schedule.js'
import { Tally } from './tally.js'

export interface IdlePlan {
  /** The devices, each of another user, are those from `first` to `first + clients - 1`. */
  readonly first: number
  readonly clients: number
  readonly secret: string
  /** At once. */
  readonly connectingMax: number
}

export interface EchoCounts {
  readonly seconds: number
  readonly pongs: number
  readonly pongsInAll: number
  readonly clientCpuSeconds: number
  readonly roundTrip: HistogramData
}

export interface ResumeCounts {
  /** Of frames, after Welcome. */
  readonly bytes: number
  /** From dialling to the last of them. */
  readonly ms: number
}

const APP = 'bench'
/** Inboxes hear of new heads within tens of milliseconds, or, where the conversation spoke a moment ago, after its pause. */
const INBOX_SETTLES_MS = LIMITS.outboxPauseMsMax + 500
const TOKEN_MS = 24 * 60 * 60 * 1000
const PING_EVERY_MS = 20_000
const TELLING_MAX = 64
const HEARD_WITHIN_MS = 10_000

const tally = new Tally()
const roundTrip = new Histogram()
let devices: IdleDevice[] = []
let plan: IdlePlan
let isPinging = false
let stopTicking = () => {}
let mark: { readonly at: number; readonly pongs: number; readonly cpu: NodeJS.CpuUsage }

const api = {
  /** Once, first: connects all. */
  async open(given: IdlePlan, address: Address): Promise<void> {
    plan = given
    const expiresAt = Date.now() + TOKEN_MS
    devices = Array.from({ length: plan.clients }, (_, at) => {
      const user = userOf(plan.first + at)
      return new IdleDevice(
        plan.first + at,
        user,
        signToken(plan.secret, { app: APP, user, expiresAt }),
        tally,
        roundTrip,
      )
    })
    await connect(address)
    setInterval(() => {
      if (!isPinging) for (const device of devices) device.ping()
    }, PING_EVERY_MS)
  },

  /** All at once are gone; then all come back. */
  async dropAndResume(address: Address): Promise<void> {
    for (const device of devices) device.cut()
    await connect(address)
  },

  /** Every even device says something to the next one: all must be acked and heard. */
  async tellEachOther(): Promise<void> {
    const heardBefore = heardInAll()
    const tellers = devices.filter((_, at) => at % 2 === 0 && at + 1 < devices.length)
    await inParallel(tellers, TELLING_MAX, (device) => device.tell(userOf(device.index + 1)))
    const giveUpAt = performance.now() + HEARD_WITHIN_MS
    while (heardInAll() - heardBefore < tellers.length && performance.now() < giveUpAt) await sleep(20)
    const heard = heardInAll() - heardBefore
    if (heard !== tellers.length) tally.violate(`${tellers.length} messages were acked and ${heard} heard`)
  },

  /** The first device says something to each of the others of its process, and to strangers: so many in all. */
  async beginConversations(conversations: number): Promise<void> {
    for (let at = 1; at <= conversations; at++) await devices[0]!.tell(userOf(plan.first + at))
  },

  /**
   * The first device is away while `changed` of the others say something to it; then it comes back and resumes, from its cursor or,
   * with `fromStart`, from nothing. What it hears must be exactly those (or all).
   */
  async resume({ changed, expected }: { changed: number; expected: number }, address: Address): Promise<ResumeCounts> {
    const [reader] = devices
    reader!.cut()
    for (const device of devices.slice(1, 1 + changed)) await device.tell(userOf(plan.first))
    await sleep(INBOX_SETTLES_MS)
    if (changed === 0) reader!.forgetCursor()
    const startedAt = performance.now()
    await reader!.connect(address)
    const { bytes, conversations } = await reader!.resume()
    const ms = performance.now() - startedAt
    if (new Set(conversations).size !== expected || conversations.length !== expected) {
      tally.violate(`${changed || 'no'} conversations changed, and ${conversations.length} were resumed`)
    }
    return { bytes, ms }
  },

  startPings(pace: Pace): void {
    isPinging = true
    const now = performance.now()
    if (pace.kind === 'closed') for (const device of devices) device.startPings(pace.window, undefined, now)
    else {
      const everyMs = 1000 / pace.ratePerSecond
      const turns = turnsOf(devices.length, everyMs, now)
      for (const [rank, device] of devices.entries()) device.startPings(0, turns[rank], now)
      stopTicking = keepSchedule(devices, everyMs, now)
    }
  },

  /** From now on round trips count. */
  measure(): void {
    roundTrip.clear()
    tally.measuredFrom = performance.now()
    mark = { at: tally.measuredFrom, pongs: pongsInAll(), cpu: process.cpuUsage() }
  },

  async finish(): Promise<EchoCounts> {
    const seconds = (performance.now() - mark.at) / 1000
    const pongs = pongsInAll() - mark.pongs
    const { user, system } = process.cpuUsage(mark.cpu)
    stopTicking()
    for (const device of devices) device.stopPings()
    const giveUpAt = performance.now() + HEARD_WITHIN_MS
    while (devices.some((device) => device.unanswered > 0) && performance.now() < giveUpAt) await sleep(20)
    if (devices.some((device) => device.unanswered > 0)) tally.violate('pings were never answered')
    tally.measuredFrom = Number.POSITIVE_INFINITY
    isPinging = false
    return {
      seconds,
      pongs,
      pongsInAll: pongsInAll() - mark.pongs,
      clientCpuSeconds: (user + system) / 1e6,
      roundTrip: { counts: roundTrip.counts, maxMicros: roundTrip.maxMicros },
    }
  },

  verdict() {
    const { violations, complaints, refusals } = tally
    return { violations, complaints, refusals: Object.fromEntries(refusals) }
  },
}

export type IdleLoadApi = typeof api

async function connect(address: Address): Promise<void> {
  await inParallel(devices, plan.connectingMax, (device) => device.connect(address))
}

function heardInAll(): number {
  return devices.reduce((sum, device) => sum + device.heard, 0)
}

function pongsInAll(): number {
  return devices.reduce((sum, device) => sum + device.pongs, 0)
}

function userOf(index: number): string {
  return `idle-${`${index}`.padStart(6, '0')}`
}

answerQuestions(api)
