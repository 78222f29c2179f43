/**
 * What actors tell an operator, as log lines and figures.
 */
import type { Logger } from 'pino'
import type { ActorsEvents } from './actors/events.js'
import type { Metrics } from './domain/metrics.js'

/** A log that lost its tail did so for many shards at once: they are one line. */
const LOST_TAILS_WITHIN_MS = 1_000

export interface ActorsLogOptions {
  /** The main thread has said already that the log was lost. */
  readonly isLossKnown: boolean
}

export function logActorsEvents(log: Logger, metrics: Metrics, { isLossKnown }: ActorsLogOptions): ActorsEvents {
  const [committed, left] = [metrics.counter('events_committed_total'), metrics.counter('answers_total')]
  const batchEvents = metrics.histogram('batch_events')
  let lostTails: number[] = []
  const sayLostTails = () => {
    const facts = { event: 'log-lost-tail', shards: lostTails.length, first: lostTails[0] }
    log[isLossKnown ? 'info' : 'error'](facts, 'the log is behind the store: what was acked may be lost')
    lostTails = []
  }
  return {
    served: (facts) => log.debug({ event: 'shard-served', ...facts }, 'a shard is ours'),
    steppedDown: (facts) => log.warn({ event: 'shard-stepped-down', ...facts }, 'lost ownership of a shard'),
    committed: ({ events, answers }) => {
      committed.add(events)
      left.add(answers)
      if (events > 0) batchEvents.observe(events)
    },
    refused: (refusal, commands) => metrics.refused(refusal, commands),
    appendRefused: (facts) => {
      metrics.add('append_refusals_total', 1)
      log.error({ event: 'append-refused', ...facts }, 'the log takes no writes; sends are refused')
    },
    logLostTail: ({ shard }) => {
      if (lostTails.push(shard) === 1) setTimeout(sayLostTails, LOST_TAILS_WITHIN_MS).unref()
    },
    takeOverTroubled: ({ shard, times, cause }) => {
      const isTold = (times & (times - 1)) === 0 // ever more seldom: the first time, the second, the fourth
      if (isTold) log.error({ event: 'take-over-troubled', shard, times, err: cause }, 'cannot take a shard over')
    },
    rowUnreadable: ({ actor, cause }) =>
      log.error(
        { event: 'row-unreadable', app: actor.app, kind: actor.kind, id: actor.id, err: cause },
        'cannot read an actor',
      ),
    storeFailed: ({ checkpoints, cause }) => {
      metrics.add('store_failures_total', 1)
      log.error({ event: 'store-failed', checkpoints, err: cause }, 'the store takes no checkpoints; the log is kept')
    },
  }
}
