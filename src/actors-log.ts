/**
 * What actors tell an operator, as log lines.
 */
import type { Logger } from 'pino'
import type { ActorsEvents } from './actors/events.js'

export function logActorsEvents(log: Logger): ActorsEvents {
  return {
    served: (facts) => log.debug({ event: 'shard-served', ...facts }, 'a shard is ours'),
    steppedDown: (facts) => log.warn({ event: 'shard-stepped-down', ...facts }, 'lost ownership of a shard'),
    appendRefused: (facts) =>
      log.error({ event: 'append-refused', ...facts }, 'the log takes no writes; sends are refused'),
    logLostTail: (facts) => log.error({ event: 'log-lost-tail', ...facts }, 'the log is behind the store'),
    rowUnreadable: ({ actor, cause }) =>
      log.error(
        { event: 'row-unreadable', app: actor.app, kind: actor.kind, id: actor.id, err: cause },
        'cannot read an actor',
      ),
    storeFailed: ({ checkpoints, cause }) =>
      log.error({ event: 'store-failed', checkpoints, err: cause }, 'the store takes no checkpoints; the log is kept'),
  }
}
