/**
 * Whether anybody is in more groups and channels than may be. Of users whose shard changed hands nothing is demanded: a
 * new owner does not know of joins that the one before allowed (docs/guarantees.md).
 */
import { ActorKind, actorKey, shardOf } from '../../src/domain/ids.js'
import { FrameKind, readHead } from '../../src/log/frame.js'
import type { History } from '../checkers/history.js'
import { membershipOf } from '../checkers/membership.js'
import type { World } from './world.js'

export function joinedTooMany({ activity, plan, log }: World, history: History): string[] {
  const max = plan.listLimits.conversationsMax
  const counted = activity.conversations.filter(({ kind }) => kind === ActorKind.group || kind === ActorKind.channel)
  const members = counted.map(({ id }) => membershipOf(id, history.logged.get(id) ?? []))
  return activity.users.flatMap((user) => {
    const joined = members.filter((each) => each.get(user)?.at(-1)?.to === Number.POSITIVE_INFINITY).length
    if (joined <= max) return []
    const frames = log.ledger(shardOf(actorKey('app', ActorKind.inbox, user), plan.shardCount))
    const owners = frames.filter(({ bytes }) => readHead(bytes, 'the log').kind === FrameKind.serve).length
    return owners > 1 ? [] : [`${user} is in ${joined} groups and channels, which is more than ${max}`]
  })
}
