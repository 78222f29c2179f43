/**
 * What actors tell an operator, as log lines and figures.
 */
import type { Logger } from 'pino'
import type { ActorsEvents } from './actors/events.js'
import type { Metrics } from './domain/metrics.js'

export function logActorsEvents(log: Logger, metrics: Metrics): ActorsEvents {
  const [committed, left] = [metrics.counter('events_committed_total'), metrics.counter('answers_total')]
  const batchEvents = metrics.histogram('batch_events')
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
    logLostTail: (facts) => log.error({ event: 'log-lost-tail', ...facts }, 'the log is behind the store'),
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
