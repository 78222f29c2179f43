/** That every device's conversation list tells nothing that was not so, and is, in the end, what the log makes of it. */
import type { History, InboxItem, ListedLine, LoggedLine } from './history.js'
import { membershipOf, wasMember } from './membership.js'

/** Each entry, by itself, was the truth at its head; and per device heads and markers only grow. */
export function checkListed(history: History): string[] {
  const last = new Map<string, ListedLine>()
  return history.of('listed').flatMap((line) => {
    const key = `${line.client} ${line.conversation}`
    const before = last.get(key)
    last.set(key, line)
    const wrong = [...wrongAtHead(history, line)]
    if (before !== undefined && (line.head < before.head || line.readOrdinal < before.readOrdinal)) {
      wrong.push(`goes back from head ${before.head} and ${before.readOrdinal} read`)
    }
    return wrong.map((what) => `the list of ${line.client} has ${textOf([line])}, which ${what}`)
  })
}

function* wrongAtHead(
  history: History,
  { conversation, user, head, ordinal, isMember }: ListedLine,
): Generator<string> {
  const events = history.logged.get(conversation) ?? []
  const event = events[head - 1]
  if (event === undefined) return yield 'is above the log'
  if (event.ordinal !== ordinal) yield `has the wrong ordinal: ${event.ordinal}`
  const stays = membershipOf(conversation, events.slice(0, head)).get(user)
  if (!wasMember(stays, head)) yield 'is not theirs to see'
  if ((stays?.at(-1)?.to === Number.POSITIVE_INFINITY) !== isMember) yield 'is wrong about membership'
}

export function checkInboxes(history: History): string[] {
  return history.of('inbox').flatMap((line) => {
    const wanted = inboxOf(history, line.user)
    const found = textOf(line.items)
    return found === wanted ? [] : [`the inbox of ${line.client} is ${found}; the log folds to ${wanted}`]
  })
}

/** The list that the log makes for a user, in words. */
export function inboxOf(history: History, user: string): string {
  const items: InboxItem[] = []
  for (const [conversation, events] of history.logged) {
    const item = itemOf(conversation, events, user)
    if (item !== undefined) items.push(item)
  }
  return textOf(items)
}

function itemOf(conversation: string, events: readonly LoggedLine[], user: string): InboxItem | undefined {
  const stay = membershipOf(conversation, events).get(user)?.at(-1)
  if (stay === undefined) return undefined
  const isMember = stay.to === Number.POSITIVE_INFINITY
  const head = isMember ? events.length : stay.to
  const wrote = events.findLast(({ kind, from }) => kind === 'message' && from === user)
  const joined = stay.from === 0 ? 0 : events[stay.from - 1]!.ordinal
  const readOrdinal = Math.max(joined, wrote?.ordinal ?? 0)
  return { conversation, head, ordinal: events[head - 1]!.ordinal, readOrdinal, isMember }
}

/** The same for the same items, in whatever order. */
export function textOf(items: readonly InboxItem[]): string {
  const texts = items.map(({ conversation, head, ordinal, readOrdinal, isMember }) => {
    return `${conversation}${isMember ? '' : ' (left)'} head ${head} ordinal ${ordinal} unread ${ordinal - readOrdinal}`
  })
  return texts.sort().join('; ')
}
