/**
 * Resending is safe for ever: lanes send N messages in all through three kills and other numbers of workers, every
 * conversation retires and comes back from its row, and then every acked send goes out again as it was. Each must be
 * answered with the seq it had, or as accepted long ago; no conversation may have grown.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ActorKind } from '../../src/domain/ids.js'
import { LIMITS } from '../../src/domain/limits.js'
import type { AckFrame } from '../../src/protocol/decoded-frame.js'
import { AckFlag, HistoryMode } from '../../src/protocol/wire-numbers.js'
import { type Random, random64, seededRandom } from '../../src/std/random.js'
import type { Violation } from '../checkers/history.js'
import { between } from '../sim/draw.js'
import { ChatClient } from '../support/chat-client.js'
import { LaneReplay } from './lane-replay.js'
import { Lives } from './lives.js'

export interface ResendsOptions {
  readonly seed: number
  readonly messages: number
  readonly workers: readonly number[]
  readonly folder: string
  /** Other conversations that are opened so that these retire: by default more than the first life keeps in memory. */
  readonly crowd?: number
  onPhase?(phase: string): void
}

export interface ResendsReport {
  readonly seed: number
  readonly messages: number
  readonly lanes: number
  readonly workers: readonly number[]
  readonly kills: number
  readonly crowd: number
  readonly resent: number
  /** Of those, answered with the seq they had; the others: accepted, too long ago to say where. */
  readonly withSeq: number
  readonly violations: readonly Violation[]
}

const LANES_MAX = 32
const PHASES = 3
const KILLED_AFTER_MS_MAX = 300
const CROWD_WINDOW = 128
/** Actors retire in a sweep each second, those not used since the last one. */
const SWEEPS_MS = 3_500

export async function runResends(options: ResendsOptions): Promise<ResendsReport> {
  const { seed, workers, folder, messages } = options
  const random = seededRandom(seed)
  const server = new Lives(join(folder, 'data'), workers)
  const lanes = Array.from({ length: Math.min(LANES_MAX, messages) }, (_, index) => {
    return new LaneReplay({ user: `s${index}`, peer: `r${index}`, random: random64(random), server })
  })
  const perPhase = Math.ceil(messages / lanes.length / PHASES)
  const perLane = perPhase * PHASES
  const crowd = options.crowd ?? LIMITS.activationsMax * workers[0]! + 1
  const wrong: string[] = []
  let withSeq = 0
  try {
    await sendUnderKills({ ...options, crowd }, { server, lanes, perPhase, random, wrong })
    options.onPhase?.('resending')
    await server.stop()
    await server.serving()
    const judged = (lane: LaneReplay) => (ack: AckFrame) => {
      if (ack.seq > 0) withSeq++
      judge(lane, ack, wrong)
    }
    await Promise.all(lanes.map((lane) => lane.run(1, perLane, judged(lane))))
    for (const lane of lanes) await judgeHead(lane, server.port!, wrong)
  } catch (error) {
    wrong.push(`the run broke off: ${error}`)
  } finally {
    await server.stop()
  }
  const total = perLane * lanes.length
  const violations = wrong.map((message) => ({ checker: 'resends', message }))
  return {
    seed,
    messages: total,
    lanes: lanes.length,
    workers,
    kills: PHASES,
    crowd,
    resent: total,
    withSeq,
    violations,
  }
}

interface Sending {
  readonly server: Lives
  readonly lanes: readonly LaneReplay[]
  readonly perPhase: number
  readonly random: Random
  readonly wrong: string[]
}

/** Each phase in a life of its own; the last one is killed in the middle of sending. */
async function sendUnderKills(
  { onPhase, crowd }: ResendsOptions & { readonly crowd: number },
  { server, lanes, perPhase, random, wrong }: Sending,
): Promise<void> {
  for (let phase = 0; phase < PHASES; phase++) {
    onPhase?.(`sending ${phase + 1} of ${PHASES}`)
    const life = await server.serving()
    const from = phase * perPhase + 1
    const isSent = Promise.all(
      lanes.map((lane) => lane.run(from, from + perPhase - 1, (ack) => take(lane, ack, wrong))),
    )
    if (phase === PHASES - 1) {
      await Promise.race([isSent, sleep(between(random, 0, KILLED_AFTER_MS_MAX))])
      await life.kill()
      await server.serving()
    }
    await isSent
    if (phase === 0 && crowd > 0) {
      onPhase?.(`retiring: ${crowd} other conversations`)
      await crowdOut(server.port!, crowd)
    }
    if (phase < PHASES - 1) await life.kill()
  }
}

function take(lane: LaneReplay, { n, seq }: AckFrame, wrong: string[]): void {
  if (seq !== n) wrong.push(`${lane.user} n ${n} was acked at seq ${seq}, though nobody else writes there`)
  lane.seqs[n] = seq
}

function judge(lane: LaneReplay, { n, seq, flags }: AckFrame, wrong: string[]): void {
  if ((flags & AckFlag.duplicate) === 0) wrong.push(`${lane.user} n ${n} was accepted again, at seq ${seq}`)
  else if (seq !== lane.seqs[n] && !(seq === 0 && (flags & AckFlag.alreadyAccepted) !== 0))
    wrong.push(`${lane.user} n ${n} was first acked at seq ${lane.seqs[n]}, then at ${seq}`)
}

async function judgeHead(lane: LaneReplay, port: number, wrong: string[]): Promise<void> {
  const client = await ChatClient.open({ port, user: lane.user, device: 'auditor', laneRandom: 77n })
  const { conversation } = lane
  const end = await client.ask((ref) => history(ref, conversation))
  client.end()
  const head = end.kind === 'history-end' ? end.head : JSON.stringify(end)
  if (head !== lane.seqs.length - 1)
    wrong.push(`${lane.user} sent ${lane.seqs.length - 1} messages; the head is ${head}`)
}

function history(ref: number, conversation: string) {
  const range = { mode: HistoryMode.before, anchor: 0, limit: 1, minSeq: 0 }
  return { kind: 'history' as const, ref, conversationKind: ActorKind.direct, conversation, ...range }
}

/** Opens so many other conversations that those of the lanes have to go from memory, and waits until they have. */
async function crowdOut(port: number, crowd: number): Promise<void> {
  const client = await ChatClient.open({ port, user: 'aaa', device: 'crowd', laneRandom: 78n })
  for (let asked = 0; asked < crowd; asked += CROWD_WINDOW) {
    const some = Array.from({ length: CROWD_WINDOW }, (_, index) => `aaa\u001fz${asked + index}`)
    await Promise.all(some.map((conversation) => client.ask((ref) => history(ref, conversation))))
  }
  await sleep(SWEEPS_MS)
  client.end()
}
