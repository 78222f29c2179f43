/**
 * What a device keeps, as text under keys: the form of `ClientStorage`, read again by later versions of this library.
 *
 *   format        the version of what follows
 *   device        this device's name
 *   owner         app and user, once the server has said them
 *   lane          {number, random}
 *   at <kind> <conversation>    {nextN, held, isFollowed}
 *   queue <order>               a command; a later one has a higher order
 *   cursor        {incarnation, version} of the conversation list
 *   in <kind> <conversation>    an entry of that list
 *
 * A storage that tabs share has besides:
 *
 *   epoch         how often it was opened (storage.ts)
 *   done <order>  {id, …}: the outcome of a command (outcomes.ts)
 */
import type { ConversationKind } from '../domain/ids.js'
import type { InboxEntryFacts, LaneName } from '../protocol/decoded-frame.js'
import type { Command, ConversationName, KeptCommand, Mark } from './command-queue.js'
import type { Cursor } from './inbox.js'
import type { KeptConversation, KeptSession } from './journal.js'
import { StorageError } from './storage.js'

export const FORMAT = '1'
const ORDER_DIGITS = 16

export const KEYS = {
  format: 'format',
  device: 'device',
  owner: 'owner',
  lane: 'lane',
  conversation: ({ kind, id }: ConversationName) => `at ${kind} ${id}`,
  cursor: 'cursor',
  entry: ({ conversationKind, conversation }: InboxEntryFacts) => `in ${conversationKind} ${conversation}`,
  command: (order: number) => `queue ${order.toString().padStart(ORDER_DIGITS, '0')}`,
} as const

export function laneText({ number, random }: LaneName): string {
  return JSON.stringify({ number, random: random.toString() })
}

export function conversationText(kept: KeptConversation): string {
  return JSON.stringify({ nextN: kept.nextN, held: kept.held, isFollowed: kept.isFollowed })
}

export function commandText(name: ConversationName, { command, n, voidFor }: KeptCommand): string {
  const { id, body } = command
  return JSON.stringify({ kind: name.kind, conversation: name.id, id, n, voidFor, ...whatOf(body) })
}

function whatOf(body: Command['body']): object {
  if (body.kind === 'send') return { content: toBase64(body.content) }
  if (body.kind === 'change') return { action: body.action, users: body.users }
  const { kind: _, ...mark } = body
  return { mark }
}

/** Everything kept, or undefined for a storage that is new. Throws StorageError for what this version cannot read. */
export function readKept(
  entries: ReadonlyMap<string, string>,
): { session: KeptSession; orders: ReadonlyMap<string, number>; listed: readonly string[] } | undefined {
  const format = entries.get(KEYS.format)
  const lane = entries.get(KEYS.lane)
  if (format === undefined || lane === undefined) return undefined
  if (format !== FORMAT) {
    throw new StorageError(`Cannot read this storage: it has format ${format}, this library reads ${FORMAT}`)
  }
  const conversations = new Map<string, KeptConversation & { name: ConversationName; commands: KeptCommand[] }>()
  const conversationOf = (name: ConversationName) => {
    const key = KEYS.conversation(name)
    let found = conversations.get(key)
    if (found === undefined) {
      const text = entries.get(key)
      const kept: KeptConversation = text === undefined ? { nextN: 1, held: 0, isFollowed: false } : JSON.parse(text)
      found = { ...kept, name, commands: [] }
      conversations.set(key, found)
    }
    return found
  }
  const orders = new Map<string, number>()
  const listed: string[] = []
  for (const key of [...entries.keys()].sort()) {
    const [what, first, ...rest] = key.split(' ')
    if (what === 'at') conversationOf({ kind: Number(first) as ConversationKind, id: rest.join(' ') })
    else if (what === 'in') listed.push(key)
    else if (what === 'queue') {
      const { name, kept } = commandOf(entries.get(key)!)
      conversationOf(name).commands.push(kept)
      orders.set(kept.command.id, Number(first))
    }
  }
  const cursor = entries.get(KEYS.cursor)
  const inbox = cursor !== undefined && {
    inbox: {
      cursor: JSON.parse(cursor) as Cursor,
      entries: listed.map((key) => entryOf(entries.get(key)!)),
    },
  }
  return { session: { lane: laneOf(lane), conversations: [...conversations.values()], ...inbox }, orders, listed }
}

/** Entries of before had none of these. */
function entryOf(text: string): InboxEntryFacts {
  const kept = JSON.parse(text) as InboxEntryFacts
  const { incarnation = 0, mentionSeq = 0, sinceSeq = 0 } = kept
  return { ...kept, incarnation, mentionSeq, sinceSeq }
}

function laneOf(text: string): LaneName {
  const { number, random } = JSON.parse(text) as { number: number; random: string }
  return { number, random: BigInt(random) }
}

function commandOf(text: string): { name: ConversationName; kept: KeptCommand } {
  const kept = JSON.parse(text) as {
    kind: ConversationKind
    conversation: string
    id: string
    n: number
    voidFor?: number
    content?: string
    action: number
    users: string[]
    mark?: Mark
  }
  const { kind, conversation, id, n, voidFor } = kept
  return { name: { kind, id: conversation }, kept: { command: { id, body: bodyOf(kept) }, n, voidFor } }
}

function bodyOf(kept: { content?: string; action: number; users: string[]; mark?: Mark }): Command['body'] {
  const { content, action, users, mark } = kept
  if (content !== undefined) return { kind: 'send', content: fromBase64(content) }
  if (mark === undefined) return { kind: 'change', action, users }
  return { kind: 'mark', ...mark, incarnation: mark.incarnation ?? 0 } // marks of before said none
}

/** More arguments than this overflow the stack of some engines. */
const CHUNK = 8_192

function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK))
  return btoa(text)
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}
