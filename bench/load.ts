/**
 * The client process: holds crowds, does what the bench asks over its IPC channel, and answers with counts. It is
 * pinned to its own core by whoever starts it (load-process.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from './connection.js'
import { Crowd, type CrowdPlan, type Pace } from './crowd.js'

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

const crowds = new Map<number, Crowd>()
const marks = new Map<number, Mark>()
/** Where targets listen now; a restarted one has another port. */
const addresses = new Map<number, Address>()

/** What the bench may ask. Every function's arguments and result cross a process boundary. */
export const api = {
  async open(plan: CrowdPlan, address: Address): Promise<number> {
    const crowd = new Crowd(plan)
    const id = crowds.size + 1
    crowds.set(id, crowd)
    addresses.set(id, address)
    await crowd.connect(address)
    return id
  },

  start(id: number, pace: Pace): void {
    crowds.get(id)!.start(pace)
  },

  /** From now on messages count. */
  measure(id: number): void {
    const { tally } = crowds.get(id)!
    for (const histogram of [tally.ack, tally.deliver, tally.admitted]) histogram.clear()
    tally.measuredFrom = performance.now()
    const { acked, delivered, measuredFrom } = tally
    marks.set(id, { at: measuredFrom, acked, delivered, cpu: process.cpuUsage() })
  },

  /** Ends the load, waits for the last answers, and counts. */
  async finish(id: number): Promise<RoundCounts> {
    const crowd = crowds.get(id)!
    const { tally } = crowd
    const mark = marks.get(id)!
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

  /** Connections of this crowd may break from now on; they come back where `moved` says. */
  surviveLoss(id: number): void {
    crowds.get(id)!.surviveLoss(() => addresses.get(id)!)
  },

  moved(id: number, address: Address): void {
    addresses.set(id, address)
  },

  /** Ends the load and waits for the last answers, uncounted. */
  async settle(id: number): Promise<void> {
    crowds.get(id)!.stop()
    await crowds.get(id)!.drain()
  },

  /** Sends until so many messages are acked. */
  async fillMessages(id: number, { messages, window }: { messages: number; window: number }): Promise<void> {
    const crowd = crowds.get(id)!
    crowd.start({ kind: 'closed', window })
    while (crowd.tally.acked < messages) await sleep(50)
    crowd.stop()
    await crowd.drain()
  },

  /** Begins so many direct conversations, with one message each. */
  async fillConversations(id: number, conversations: number): Promise<void> {
    await crowds.get(id)!.beginConversations(conversations)
  },

  progress(id: number): { acked: number } {
    return { acked: crowds.get(id)!.tally.acked }
  },

  /** With `readBack`, every acked message is looked up in History. */
  async verify(id: number, options: { readonly readBack: boolean }): Promise<Verdict> {
    const crowd = crowds.get(id)!
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

  cut(id: number): void {
    crowds.get(id)!.cut()
  },

  /** After `cut`: the same devices again. */
  async reconnect(id: number, address: Address): Promise<void> {
    await crowds.get(id)!.connect(address)
  },

  close(id: number): void {
    crowds.get(id)?.close()
  },
}

export type LoadApi = typeof api

/** One question, answered once under the same id. */
export interface Question {
  readonly id: number
  readonly call: keyof LoadApi
  readonly args: readonly unknown[]
}

export type Answer = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly error: string }

process.on('message', async ({ id, call, args }: Question) => {
  const answer = await Promise.resolve()
    .then(() => (api[call] as (...given: readonly unknown[]) => unknown)(...args))
    .then(
      (result): Answer => ({ id, result }),
      (error): Answer => ({ id, error: error instanceof Error ? (error.stack ?? error.message) : `${error}` }),
    )
  process.send!(answer)
})
process.on('disconnect', () => process.exit())
