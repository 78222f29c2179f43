/** That every device's conversation list tells nothing that was not so, and is, in the end, what the log makes of it. */
import type { History, InboxItem, ListedLine, LoggedLine, MarkAckedLine, MarkedLine } from './history.js'
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

export function checkMarks(history: History): string[] {
  const last = new Map<string, number>()
  const wrong: string[] = []
  const nameOf = (line: MarkedLine | MarkAckedLine) => `${line.user}/${line.device} lane ${line.lane}`
  const logged = new Set<string>()
  const textOf = (line: MarkedLine | MarkAckedLine) => {
    const { n, conversation, seq, ordinal, set, flags } = line
    return `mark ${n} of ${nameOf(line)}: ${conversation} ${seq} ${ordinal} ${set} ${flags}`
  }
  for (const line of history.of('marked')) {
    const before = last.get(nameOf(line)) ?? 0
    last.set(nameOf(line), line.n)
    logged.add(textOf(line))
    if (line.n !== before + 1) wrong.push(`${textOf(line)} is in the log behind mark ${before}`)
  }
  for (const line of history.of('mark acked')) {
    if (!logged.has(textOf(line))) wrong.push(`${textOf(line)} was acked, and is not in the log`)
  }
  return wrong
}

export function checkInboxes(history: History): string[] {
  const texts = new Map(
    [...new Set(history.of('inbox').map(({ user }) => user))].map((user) => [user, inboxOf(history, user)]),
  )
  return history.of('inbox').flatMap((line) => {
    const wanted = texts.get(line.user)
    const found = textOf(line.items)
    return found === wanted ? [] : [`the inbox of ${line.client} is ${found}; the log folds to ${wanted}`]
  })
}

/** As in schemas/wire.fbs. */
const ROOM = 4

/** The list that the log makes for a user, in words. */
export function inboxOf(history: History, user: string): string {
  const items: InboxItem[] = []
  for (const [conversation, events] of history.logged) {
    if (events[0]!.conversationKind === ROOM) continue // live rooms stand in no list
    const item = itemOf(history, conversation, events, user)
    if (item !== undefined) items.push(item)
  }
  return textOf(items)
}

function itemOf(
  history: History,
  conversation: string,
  events: readonly LoggedLine[],
  user: string,
): InboxItem | undefined {
  const stay = membershipOf(conversation, events).get(user)?.at(-1)
  if (stay === undefined) return undefined
  const isMember = stay.to === Number.POSITIVE_INFINITY
  const head = isMember ? events.length : stay.to
  const wrote = events.findLast(({ kind, from }) => kind === 'message' && from === user)
  const joined = stay.from === 0 ? 0 : events[stay.from - 1]!.ordinal
  const marks = history.of('marked').filter((mark) => mark.user === user && mark.conversation === conversation)
  const readOrdinal = Math.max(joined, wrote?.ordinal ?? 0, ...marks.map((mark) => mark.ordinal))
  const flags = marks.reduce((before, { set, flags }) => (before & ~set) | (flags & set), 0)
  const mentionSeq = events.findLast((event) => isMentioned(conversation, events, event, user))?.seq ?? 0
  return { conversation, head, ordinal: events[head - 1]!.ordinal, readOrdinal, isMember, flags, mentionSeq }
}

/** By another, while they were in. */
function isMentioned(conversation: string, events: readonly LoggedLine[], event: LoggedLine, user: string): boolean {
  if (event.from === user || !event.mentions.includes(user)) return false
  const stay = membershipOf(conversation, events.slice(0, event.seq)).get(user)?.at(-1)
  return stay?.to === Number.POSITIVE_INFINITY
}

/** The same for the same items, in whatever order. */
export function textOf(items: readonly InboxItem[]): string {
  const texts = items.map(({ conversation, head, ordinal, readOrdinal, isMember, flags, mentionSeq }) => {
    const mentioned = mentionSeq === 0 ? '' : ` mentioned ${mentionSeq}`
    const place = `head ${head} ordinal ${ordinal} unread ${ordinal - readOrdinal}${mentioned}`
    return `${conversation}${isMember ? '' : ' (left)'} ${place}${flags === 0 ? '' : ` flags ${flags}`}`
  })
  return texts.sort().join('; ')
}
