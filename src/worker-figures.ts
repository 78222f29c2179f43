/**
 * What a worker tells of itself once a second: levels that nobody counts as they change, and how late its loop was.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Composition } from './composition.js'
import type { Metrics } from './domain/metrics.js'
import type { ProcessFigures } from './http/metrics-page.js'
import type { ShardLog } from './log/shard-log.js'
import { packageVersion } from './package-version.js'

const LOOK_MS = 1_000
/** A timer of so many milliseconds measures the delay; what is later than that is the loop's. */
const RESOLUTION_MS = 50
const NS_PER_SECOND = 1e9

/** Looks until it is disposed of. */
export function watchWorker(metrics: Metrics, { host, gateway }: Composition, log: ShardLog): Disposable {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  metrics.add('worker_starts_total', 1)
  const look = () => {
    const { connections, inFlight, unsentBytes } = gateway.load
    const { owned, serving, waitingCheckpoints, storeLagMs, waitingCommands, owedConversations } = host.load
    const { usedBytes, limitBytes } = log.usage()
    metrics.set('connections', connections)
    metrics.set('commands_in_flight', inFlight)
    metrics.set('send_queue_bytes', unsentBytes)
    metrics.set('shards_owned', owned)
    metrics.set('shards_serving', serving)
    metrics.set('projector_waiting_checkpoints', waitingCheckpoints)
    metrics.set('store_lag_seconds', storeLagMs / 1_000)
    metrics.set('mailbox_commands', waitingCommands)
    metrics.set('outbox_conversations', owedConversations)
    metrics.set('log_used_bytes', usedBytes)
    metrics.set('log_limit_bytes', limitBytes)
    metrics.set('loop_lag_seconds', Math.max(0, delay.max / NS_PER_SECOND - RESOLUTION_MS / 1_000))
    delay.reset()
  }
  const timer = setInterval(look, LOOK_MS)
  timer.unref()
  return {
    [Symbol.dispose]() {
      clearInterval(timer)
      delay.disable()
    },
  }
}

export function processFigures(): ProcessFigures {
  const { user, system } = process.cpuUsage()
  return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6, version: packageVersion() }
}
