/**
 * A client process: holds one crowd, does what the bench asks over its IPC channel, and answers with counts. It is
 * pinned to its own core by whoever starts it (load-process.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from './connection.js'
import { Crowd, type CrowdPlan, type Pace } from './crowd.js'
import { answerQuestions } from './questions.js'

export interface RoundCounts {
  readonly seconds: number
  /** Within those seconds. */
  readonly acked: number
  readonly delivered: number
  /** From the start of measuring until everything sent was answered. */
  readonly ackedInAll: number
  readonly deliveredInAll: number
  /** Due and never sent: open loop, where the target does not keep up. */
  readonly neverSent: number
  /** User and system time of this process within `seconds`. */
  readonly clientCpuSeconds: number
  readonly ack: HistogramData
  readonly deliver: HistogramData
  readonly admitted: HistogramData
}

export interface HistogramData {
  readonly counts: Float64Array<ArrayBuffer>
  readonly maxMicros: number
}

export interface Verdict {
  readonly messagesRead: number
  readonly violations: number
  readonly complaints: readonly string[]
  readonly refusals: Readonly<Record<string, number>>
  readonly refusalsWithoutWait: number
  readonly redelivered: number
  readonly duplicateAcks: number
  readonly digest: string
}

interface Mark {
  readonly at: number
  readonly acked: number
  readonly delivered: number
  readonly cpu: NodeJS.CpuUsage
}

let crowd: Crowd
/** Where the target listens now; a restarted one has another port. */
let address: Address
let mark: Mark

/** What the bench may ask. Every function's arguments and result cross a process boundary. */
export const api = {
  /** Once, first. */
  async open(plan: CrowdPlan, at: Address): Promise<void> {
    crowd = new Crowd(plan)
    address = at
    await crowd.connect(at)
  },

  start(pace: Pace): void {
    crowd.start(pace)
  },

  /** From now on messages count. */
  measure(): void {
    const { tally } = crowd
    for (const histogram of [tally.ack, tally.deliver, tally.admitted]) histogram.clear()
    tally.measuredFrom = performance.now()
    const { acked, delivered, measuredFrom } = tally
    mark = { at: measuredFrom, acked, delivered, cpu: process.cpuUsage() }
  },

  /** Ends the load, waits for the last answers, and counts. */
  async finish(): Promise<RoundCounts> {
    const { tally } = crowd
    const seconds = (performance.now() - mark.at) / 1000
    const { user, system } = process.cpuUsage(mark.cpu)
    const { acked, delivered } = tally
    const neverSent = crowd.stop()
    await crowd.drain()
    tally.measuredFrom = Number.POSITIVE_INFINITY
    return {
      seconds,
      acked: acked - mark.acked,
      delivered: delivered - mark.delivered,
      ackedInAll: tally.acked - mark.acked,
      deliveredInAll: tally.delivered - mark.delivered,
      neverSent,
      clientCpuSeconds: (user + system) / 1e6,
      ack: { counts: tally.ack.counts, maxMicros: tally.ack.maxMicros },
      deliver: { counts: tally.deliver.counts, maxMicros: tally.deliver.maxMicros },
      admitted: { counts: tally.admitted.counts, maxMicros: tally.admitted.maxMicros },
    }
  },

  /** Connections may break from now on; they come back where `moved` says. */
  surviveLoss(): void {
    crowd.surviveLoss(() => address)
  },

  moved(to: Address): void {
    address = to
  },

  /** Ends the load and waits for the last answers, uncounted. */
  async settle(): Promise<void> {
    crowd.stop()
    await crowd.drain()
  },

  /** Sends until so many messages are acked. */
  async fillMessages({ messages, window }: { messages: number; window: number }): Promise<void> {
    crowd.start({ kind: 'closed', window })
    while (crowd.tally.acked < messages) await sleep(50)
    crowd.stop()
    await crowd.drain()
  },

  /** Begins so many direct conversations, with one message each. */
  async fillConversations(conversations: number): Promise<void> {
    await crowd.beginConversations(conversations)
  },

  progress(): { acked: number } {
    return { acked: crowd.tally.acked }
  },

  /** With `readBack`, every acked message is looked up in History. */
  async verify(options: { readonly readBack: boolean }): Promise<Verdict> {
    const messagesRead = options.readBack ? await crowd.verify() : 0
    const { tally } = crowd
    return {
      messagesRead,
      violations: tally.violations,
      complaints: tally.complaints,
      refusals: Object.fromEntries(tally.refusals),
      refusalsWithoutWait: tally.refusalsWithoutWait,
      redelivered: tally.redelivered,
      duplicateAcks: tally.duplicateAcks,
      digest: tally.digest.toString(16).padStart(8, '0'),
    }
  },

  cut(): void {
    crowd.cut()
  },

  /** After `cut`: the same devices again. */
  async reconnect(to: Address): Promise<void> {
    await crowd.connect(to)
  },
}

export type LoadApi = typeof api

answerQuestions(api)
