/**
 * What a seed decides before anything runs: sizes, limits, and which faults this world knows and how often. A swarm: each
 * world leaves some faults out, so that a common one does not hide what a rare one would find.
 */
import type { DeliveryModeLimits } from '../../src/actors/delivery-mode.js'
import type { ListLimits } from '../../src/actors/join-limits.js'
import { KiB } from '../../src/domain/limits.js'
import type { Random } from '../../src/std/random.js'
import { between, chance, pick, wholeBetween } from './draw.js'
import type { BusFaults } from './sim-bus.js'
import type { LogFaults, SimLogOptions } from './sim-log-server.js'
import type { WireOptions } from './sim-sockets.js'
import type { StoreFaults } from './sim-store.js'

export interface WorldPlan {
  readonly nodes: number
  /** The first so many nodes may own shards. */
  readonly owners: number
  readonly shardCount: number
  /** How long a node may go without hearing who owns what now: until then it may think that it does. */
  readonly newsMsMax: number
  readonly users: number
  readonly devicesPerUser: number
  readonly activationsMax: number
  readonly deliveryMode: DeliveryModeLimits
  readonly listLimits: ListLimits
  readonly wire: WireOptions
  readonly sendQueueBytesMax: number
  readonly activeMs: number
  /** Mean pause between two actions of one device. */
  readonly actionMs: number
  readonly log: SimLogOptions
  readonly logFaults: LogFaults
  readonly busFaults: BusFaults
  readonly storeFaults: StoreFaults
  /** Mean number of each fault that has a moment of its own. */
  readonly incidents: Readonly<Record<Incident, number>>
  readonly skewMsMax: number
}

export const INCIDENTS = [
  'crash',
  'crash between effects',
  'pause',
  'bus cut',
  'leader lost',
  'log full',
  'log nearly full',
  'log read-only',
  'shard moved',
  'shard contended',
  'client reconnects',
  'client sleeps',
  'client reinstalled',
  'client reinstalled in haste',
  'client put away',
  'device opened twice',
  'storage copied',
] as const
export type Incident = (typeof INCIDENTS)[number]

const INCIDENTS_MAX: Readonly<Record<Incident, number>> = {
  crash: 3,
  'crash between effects': 3,
  pause: 3,
  'bus cut': 2,
  'leader lost': 2,
  'log full': 1,
  'log nearly full': 1,
  'log read-only': 1,
  'shard moved': 4,
  'shard contended': 2,
  'client reconnects': 10,
  'client sleeps': 3,
  'client reinstalled': 3,
  'client reinstalled in haste': 2,
  'client put away': 3,
  'device opened twice': 3,
  'storage copied': 2,
}

/** Conversations of four to six users cross these often; in one world of four, none does. */
const DELIVERY_MODES: readonly DeliveryModeLimits[] = [
  { largeMembersMin: 2, smallMembersMax: 1 },
  { largeMembersMin: 2, smallMembersMax: 2 },
  { largeMembersMin: 3, smallMembersMax: 2 },
  { largeMembersMin: 100, smallMembersMax: 0 },
]

export function drawPlan(random: Random): WorldPlan {
  const owners = wholeBetween(random, 2, 3)
  const level = (max: number) => (chance(random, 0.5) ? between(random, 0, max) : 0)
  const kind = chance(random, 0.8) ? 'jetstream' : 'wal'
  const latencyMs = pick(random, [0.3, 1, 4])
  return {
    nodes: owners + wholeBetween(random, 0, 1),
    owners,
    shardCount: wholeBetween(random, 2, 6),
    newsMsMax: pick(random, [100, 500, 10_000]),
    users: wholeBetween(random, 4, 6),
    devicesPerUser: wholeBetween(random, 1, 2),
    activationsMax: pick(random, [1, 3, 10_000]),
    wire: {
      latencyMsMin: 0.5,
      latencyMsMax: pick(random, [5, 50, 1_000]),
      kernelBytesMax: pick(random, [1, 64]) * KiB,
    },
    sendQueueBytesMax: pick(random, [64, 1_024]) * KiB,
    activeMs: between(random, 5_000, 15_000),
    actionMs: pick(random, [300, 1_000, 3_000]),
    log: {
      kind,
      streams: wholeBetween(random, 1, 2),
      latencyMs,
      timeoutMs: pick(random, [500, 2_000, 5_000]),
      carryAfterFrames: pick(random, [10, 200]),
    },
    logFaults: {
      requestLost: level(0.05),
      answerLost: level(0.05),
      requestLate: level(0.05),
      commitSlow: level(0.05),
      fencedWithoutNumber: level(1),
      readStale: level(0.3),
      readShort: level(0.3),
      readFails: level(0.1),
    },
    busFaults: {
      lost: level(0.05),
      doubled: level(0.1),
      delayed: level(0.2),
      delayMsMax: pick(random, [5, 100, 2_000]),
    },
    storeFaults: {
      slow: level(0.5),
      slowMsMax: pick(random, [50, 1_000, 5_000]),
      writeFails: level(0.2),
      writeLate: level(0.2),
      writeTwice: level(0.2),
      readFails: level(0.1),
    },
    incidents: Object.fromEntries(INCIDENTS.map((name) => [name, level(INCIDENTS_MAX[name])])) as Record<
      Incident,
      number
    >,
    skewMsMax: level(60_000),
    deliveryMode: pick(random, DELIVERY_MODES),
    listLimits: { conversationsMax: pick(random, [1, 2, 10_000, 10_000]), listedMax: 10_000 },
  }
}
