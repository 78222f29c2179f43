/**
 * The composition root of a process without services around it: with
 * socket-library.ts the only file that names adapters.
 *
 * The main thread prepares the data folder (lock, store format, WAL recovery); each worker thread composes a gateway and
 * the actors of its shards over its own WAL, the shared LMDB environment and message ports.
 */
import type { MessagePort } from 'node:worker_threads'
import type { Entrance } from './access/entrance.js'
import { SharedCounts } from './access/shared-counts.js'
import { SharedRates } from './access/shared-rates.js'
import { WorkerAccess, type WorkerAccessParts } from './access/worker-access.js'
import type { LastingTrouble } from './actors/take-over-trouble.js'
import { logActorsEvents } from './actors-log.js'
import { type Composition, compose } from './composition.js'
import { type Config, ConfigError } from './config.js'
import { DATA_FORMAT, logFolder, refuseUnrestored, storeFolder, usable } from './data-folder.js'
import { CorruptionError, UnavailableError } from './domain/errors.js'
import { SHARD_COUNT_DEFAULT, type ShardId } from './domain/ids.js'
import { LIMITS, MiB } from './domain/limits.js'
import { Metrics, newMetricRows } from './domain/metrics.js'
import { logGatewayEvents } from './gateway/events.js'
import { JsonWire } from './gateway/json-wire.js'
import { GATEWAY_LIMITS } from './gateway/limits.js'
import { TcpSocketServer } from './gateway/tcp/socket-server.js'
import { metricsText } from './http/metrics-page.js'
import type { Address } from './log/bus.js'
import { PortBus } from './log/embedded/bus.js'
import { freeBytesOf, openNodeFolder } from './log/embedded/file-port.js'
import { lockFolder } from './log/embedded/folder-lock.js'
import { LogData } from './log/embedded/log-data.js'
import { serveHolds } from './log/embedded/purge-hold.js'
import { EmbeddedShardLog, type ShardLogSeed } from './log/embedded/shard-log.js'
import { openLogger } from './logger.js'
import { openRoutes } from './open-routes.js'
import type { WorkerStart } from './process-messages.js'
import { socketLibrary } from './socket-library.js'
import { SYSTEM_CLOCK, sleep } from './std/clock.js'
import { makeFolder } from './std/make-folder.js'
import { canSharePorts } from './std/port-sharing.js'
import { SYSTEM_RANDOM } from './std/random.js'
import { EmbeddedMessageStore } from './storage/embedded/message-store.js'
import type { StoreMeta } from './storage/message-store.js'
import type { MainThread, NodeHost, WorkerApp } from './worker-app.js'
import { processFigures, watchWorker } from './worker-figures.js'

const READY_LOOK_MS = 5
/** Of a start; then the log or the store counts as gone. */
const TAKE_OVER_MS_MAX = 30_000
/** Of the write-ahead log, all workers together; what the store holds is not counted. */
const LOG_BYTES_MAX = 8 * 1024 * MiB

/** What the main thread hands to one life of a worker. */
interface Prepared {
  readonly log: ShardLogSeed
  /** Shard → worker index; fixed for the life of the process. */
  readonly workerOfShard: readonly number[]
  readonly metricRows: SharedArrayBuffer
  readonly incarnationMin: number
  readonly isLogLost: boolean
}

/** Locks and recovers the data folder. Throws ConfigError where an operator must act. */
export async function prepareNode(config: Config): Promise<NodeHost> {
  try {
    makeFolder(config.dataFolder)
    return await prepareFolder(config)
  } catch (error) {
    if (!isOfTheFolder(error)) throw error
    const why = isOfTheFolder(error.cause) ? ` (${error.cause.message})` : ''
    throw new ConfigError(`${error.message}${why}; PARLEY_DATA is ${config.dataFolder}`, { cause: error })
  }
}

async function prepareFolder(config: Config): Promise<NodeHost> {
  const lock = await lockFolder(config.dataFolder)
  try {
    refuseUnrestored(config.dataFolder)
    const { meta, isStoreNew } = await claimStore(config)
    const data = await LogData.open(openNodeFolder(logFolder(config.dataFolder)), {
      shardCount: SHARD_COUNT_DEFAULT,
      writers: config.workers,
      wal: { limitBytes: Math.floor(LOG_BYTES_MAX / config.workers) },
    })
    serveHolds(lock, data.points)
    const { incarnationMin = 1 } = meta
    return nodeHost(data, { isLogLost: data.isEmpty && !isStoreNew, incarnationMin, config, lock })
  } catch (error) {
    await lock[Symbol.asyncDispose]()
    throw error
  }
}

interface FolderParts {
  readonly config: Config
  readonly lock: AsyncDisposable
  readonly incarnationMin: number
  /** The store has been written to, and nothing is in the log, which is never empty then. */
  readonly isLogLost: boolean
}

function nodeHost(data: LogData, { config, lock, incarnationMin, isLogLost }: FolderParts): NodeHost {
  const { workers } = config
  const workerOfShard: number[] = []
  for (let worker = 0; worker < workers; worker++)
    for (const shard of data.shardsOf(worker)) workerOfShard[shard] = worker
  const hasBegun = new Set<number>()
  const metricRows = newMetricRows(workers)
  return {
    async prepareWorker(index): Promise<Prepared> {
      const log = hasBegun.has(index) ? await data.recoverWriter(index) : data.seedOf(index)
      hasBegun.add(index)
      if (hasBegun.size === workers) data.forgetIndex()
      return { log, workerOfShard, metricRows, incarnationMin, isLogLost }
    },
    notice: isLogLost ? lostLog(config) : undefined,
    [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose](),
  }
}

function lostLog({ dataFolder }: Config): string {
  return (
    `${logFolder(dataFolder)} is empty, the store beside it is not: what was acked and had not reached the store is lost, ` +
    'and it goes on from the store. If you have the log elsewhere, stop now and put it back'
  )
}

/** The numbers that data is laid out by, fixed when it is created; and whether nothing was ever stored. */
async function claimStore({ dataFolder }: Config): Promise<{ readonly meta: StoreMeta; readonly isStoreNew: boolean }> {
  await using store = EmbeddedMessageStore.open(storeFolder(dataFolder))
  const theirs = await store.readMeta()
  if (theirs === undefined) {
    await store.writeMeta(DATA_FORMAT)
    return { meta: DATA_FORMAT, isStoreNew: true }
  }
  const meta = usable(dataFolder, theirs)
  for (let shard = 0; shard < meta.shardCount; shard++) {
    if ((await store.snapshot(shard as ShardId)) !== undefined) return { meta, isStoreNew: false }
  }
  return { meta, isStoreNew: true }
}

/** What an operator mends: rights, room, another process, damage. Errors of the file system have a `syscall`. */
function isOfTheFolder(error: unknown): error is Error {
  if (error instanceof CorruptionError || error instanceof UnavailableError) return true
  return error instanceof Error && 'syscall' in error
}

export async function composeWorker(start: WorkerStart, main: MainThread): Promise<WorkerApp> {
  const { config, index, address, prepared } = start
  const { log: seed, workerOfShard, metricRows, incarnationMin, isLogLost } = prepared as Prepared
  const metrics = new Metrics(metricRows, index)
  const [groupFrames, groupBytes] = [metrics.histogram('log_group_frames'), metrics.histogram('log_group_bytes')]
  const syncSeconds = metrics.histogram('log_sync_seconds')
  const logger = openLogger(config, `worker-${index}`)
  const log = await EmbeddedShardLog.open(seed, {
    folder: openNodeFolder(seed.path),
    freeBytes: () => freeBytesOf(seed.path),
    alarm: (what, cause) => logger.error({ event: 'log-trouble', err: cause }, what),
    observed({ frames, bytes, tookMs }) {
      groupFrames.observe(frames)
      groupBytes.observe(bytes)
      syncSeconds.observe(tookMs / 1_000)
    },
  })
  const store = EmbeddedMessageStore.open(storeFolder(config.dataFolder))
  const bus = new PortBus(address)
  const rates = new SharedRates(start.access.rates)
  const sendQueuesBytesMax = LIMITS.sendQueuesBytesMax / config.workers
  const limits = { ...GATEWAY_LIMITS, ...config.limits, sendQueuesBytesMax }
  const access = openAccess(start, main, { rates, limits })
  const entrance = counted(access, metrics)
  const worker = compose({
    bus,
    log,
    store,
    clock: SYSTEM_CLOCK,
    random: SYSTEM_RANDOM,
    events: logActorsEvents(logger, metrics, { isLossKnown: isLogLost }),
    shardCount: workerOfShard.length,
    incarnationMin,
    ownerSilenceMs: Number.POSITIVE_INFINITY, // the folder's lock makes this process the only owner there can be
    verifyToken: access.verify,
    entrance,
    counts: new SharedCounts(start.access.counts, index),
    rates,
    gatewayEvents: logGatewayEvents(logger, metrics),
    gatewayLimits: limits,
  })
  const figures = watchWorker(metrics, worker, log)
  const library = await socketLibrary()
  const sharesPort = config.workers > 1
  const sockets = library.open({ sharesPort, tls: config.tls, isProxy: access.isProxy })
  const tcpSockets = new TcpSocketServer({ sharesPort })
  /** Where threads cannot listen on one port together, the first does it for all. */
  const listensOn = (isShared: boolean) => index === 0 || isShared
  let isOver = false
  const closeSockets = () => {
    isOver = true
    sockets.closeNow()
    tcpSockets.closeNow()
  }
  const routes = openRoutes({
    ...{ config, worker, access, entrance, main, limits, rates },
    metrics: () => metricsText(metricRows, processFigures()),
    refused: (refusal) => metrics.refused(refusal, 1),
    failed: (path, cause) => logger.error({ event: 'http-failed', path, err: cause }, 'cannot answer a request'),
  })
  const placement = new Placement(worker, workerOfShard)
  return {
    async serve({ port, tcpPort }) {
      placement.set(index, address)
      await ready(worker, main)
      const { host } = config
      // A server that is stopped while it starts must not listen behind its own back: the thread could not end.
      if (!isOver && listensOn(library.canSharePort))
        await sockets.listen({ host, port }, new JsonWire(worker.gateway), routes)
      if (!isOver && tcpPort !== undefined && listensOn(canSharePorts()))
        await tcpSockets.listen({ host, port: tcpPort }, worker.gateway, routes)
    },
    addPeer(peer, peerAddress, port: MessagePort) {
      bus.connect(peerAddress, port)
      placement.set(peer, peerAddress)
    },
    setLimits(changed) {
      Object.assign(limits, changed) // the gateway reads them at each use
    },
    removePeer(peer, peerAddress) {
      bus.disconnect(peerAddress)
      placement.set(peer, undefined)
      worker.forget(peerAddress)
    },
    accessChanged(change) {
      const ends = access.take(change)
      if (ends !== undefined) worker.gateway.revoked(ends)
    },
    async drain(withinMs) {
      sockets.stopListening()
      tcpSockets.stopListening()
      await worker.gateway.drain(withinMs)
      closeSockets()
    },
    async close() {
      figures[Symbol.dispose]()
      closeSockets()
      worker.close()
      await log[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      await bus[Symbol.asyncDispose]()
    },
    abandon() {
      worker.gateway.abandon()
      closeSockets()
    },
  }
}

/** What is there in development alone. */
function openAccess(
  { config, access: { changes } }: WorkerStart,
  main: MainThread,
  shared: Pick<WorkerAccessParts, 'rates' | 'limits'>,
): WorkerAccess {
  const { secret, isDevelopmentSecret: isLoopbackOnly } = config
  const now = () => SYSTEM_CLOCK.now()
  const access = new WorkerAccess({ ...main, access: config.access, secret, isLoopbackOnly, now, ...shared })
  for (const change of changes) access.take(change)
  return access
}

/** Resolves once every shard of this worker answers; tells the main thread what there is no hope for, and goes on trying. */
async function ready({ host }: Composition, main: MainThread): Promise<void> {
  let isTold = false
  while (!host.isReady) {
    const { trouble } = host
    if (!isTold && trouble !== undefined && isHopeless(trouble)) {
      main.stuck(`Cannot take shard ${trouble.shard} over: ${causesOf(trouble.cause)}`)
      isTold = true
    }
    await sleepReferenced(READY_LOOK_MS)
  }
}

/** A log or store that does not answer may come back; what they hold will be the same when it is read again. */
function isHopeless({ cause, since }: LastingTrouble): boolean {
  return !(cause instanceof UnavailableError) || SYSTEM_CLOCK.monotonic() - since > TAKE_OVER_MS_MAX
}

function causesOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message} (${causesOf(error.cause)})`
}

/** Whoever is turned away at the entrance is in the figures, too. */
function counted(access: WorkerAccess, metrics: Metrics): Pick<Entrance, 'refuses'> {
  return {
    refuses(arrival) {
      const refused = access.refuses(arrival)
      if (refused !== undefined) metrics.refused(refused, 1)
      return refused
    },
  }
}

/** A timer that keeps the thread alive: before it listens, nothing else does. */
function sleepReferenced(ms: number): Promise<void> {
  const hold = setInterval(() => {}, 1_000)
  return sleep(SYSTEM_CLOCK, ms).finally(() => clearInterval(hold))
}

/** Which worker owns which shard never changes in a process; where that worker is changes with each of its lives. */
class Placement {
  readonly #worker: Composition
  readonly #workerOfShard: readonly number[]

  constructor(worker: Composition, workerOfShard: readonly number[]) {
    this.#worker = worker
    this.#workerOfShard = workerOfShard
  }

  set(worker: number, address: Address | undefined): void {
    for (let shard = 0; shard < this.#workerOfShard.length; shard++) {
      if (this.#workerOfShard[shard] === worker) this.#worker.place(shard as ShardId, address)
    }
  }
}
