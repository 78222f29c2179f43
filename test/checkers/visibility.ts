/** What devices were given, against what the log holds and who was a member where. */
import { type EventFacts, type History, nameOf } from './history.js'
import { membershipsOf, wasMember } from './membership.js'

export function checkReceived(history: History): string[] {
  return history.of('received').flatMap((event) => {
    const logged = history.loggedAt(event.conversation, event.seq)
    if (logged === undefined) return [`${event.client} received ${nameOf(event)}, which is not in the log`]
    return isSame(event, logged) ? [] : [`${event.client} received ${nameOf(event)}; the log has ${nameOf(logged)}`]
  })
}

export function isSame(a: EventFacts, b: EventFacts): boolean {
  return (
    a.seq === b.seq &&
    a.kind === b.kind &&
    a.from === b.from &&
    a.device === b.device &&
    a.lane === b.lane &&
    a.n === b.n &&
    a.time === b.time &&
    a.ordinal === b.ordinal &&
    a.memberSeq === b.memberSeq &&
    a.incarnation === b.incarnation &&
    a.message === b.message &&
    a.digest === b.digest &&
    a.users.join('\n') === b.users.join('\n')
  )
}

export function checkVisibility(history: History): string[] {
  const members = membershipsOf(history)
  return history
    .of('received')
    .filter((event) => !wasMember(members.get(event.conversation)?.get(event.user), event.seq))
    .map((event) => `${event.client} received ${nameOf(event)}; ${event.user} was not a member there`)
}

export function checkSkips(history: History): string[] {
  const members = membershipsOf(history)
  return history.of('skipped').flatMap(({ client, user, conversation, from, to }) => {
    const intervals = members.get(conversation)?.get(user)
    const last = Math.min(to, history.head(conversation))
    for (let seq = from; seq <= last; seq++) {
      if (wasMember(intervals, seq))
        return [`${client} was told to skip ${conversation} ${from}…${to}, but may see ${seq}`]
    }
    return []
  })
}
