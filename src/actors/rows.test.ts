import { deepEqual, equal, throws } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { CorruptionError } from '../domain/errors.js'
import { ActorKind, type ActorName, type AppId, SERVER_LANE, SYSTEM_LANE, type UserId } from '../domain/ids.js'
import { ChangeAction } from '../protocol/wire-numbers.js'
import {
  apply,
  applySpent,
  type Conversation,
  type ConversationCommand,
  type Decision,
  decide,
  emptyConversation,
} from './conversation.js'
import { ENTRIES_PER_PAGE } from './conversation-list.js'
import { applyLaneOpened, emptyInbox } from './inbox.js'
import { packConversation, packInbox, packListPage, packMembers, unpackConversation, unpackInbox } from './rows.js'

const TEAM: ActorName = { app: 'demo' as AppId, kind: ActorKind.group, id: 'team' }
const LUNCH: ActorName = { app: 'demo' as AppId, kind: ActorKind.direct, id: 'ann\u001fben' }
const NO_PAGES: ReadonlyMap<number, Uint8Array> = new Map()
const INBOX: ActorName = { app: 'demo' as AppId, kind: ActorKind.inbox, id: 'ann' }

function pagesOf(state: Conversation): Map<number, Uint8Array> {
  const pages = new Map<number, Uint8Array>()
  for (let page = 0; state.members.page(page).length > 0; page++) pages.set(page, packMembers(state.members.page(page)))
  return pages
}

/** The state after a crash: what its row says. */
function crashed(state: Conversation): Conversation {
  return unpackConversation(state.name, packConversation(state), pagesOf(state))
}

function run(state: Conversation, command: ConversationCommand, now: number): Decision {
  const decision = decide(state, command, now)
  if (decision.kind === 'accept') apply(state, decision.event)
  if (decision.kind === 'spend') applySpent(state, decision.spent)
  return decision
}

const users = ['ann', 'ben', 'cid', '😀'] as UserId[]
const command: fc.Arbitrary<ConversationCommand> = fc
  .record({
    kind: fc.constantFrom('send', 'send', 'send', 'change', 'void'),
    action: fc.constantFrom(...Object.values(ChangeAction)),
    users: fc.subarray(users),
    mentions: fc.subarray(users),
    from: fc.constantFrom(...users),
    device: fc.constantFrom('phone', 'tablet'),
    number: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom(SERVER_LANE, SYSTEM_LANE)),
    n: fc.integer({ min: 1, max: 4 }),
    hash: fc.constantFrom(1, 1, 1, 2),
  })
  .map(({ device, number, ...rest }) => {
    // A key is one command's; the lanes of devices have many.
    const random = number >= SERVER_LANE ? BigInt(rest.n) : 7n
    const kind = number >= SERVER_LANE && rest.kind === 'void' ? 'send' : rest.kind
    return { ...rest, kind, lane: { device, number, random } } as ConversationCommand
  })

/** A story in which lanes get long enough to forget. */
const longLane: fc.Arbitrary<ConversationCommand[]> = fc
  .tuple(fc.integer({ min: 50, max: 140 }), fc.array(fc.integer({ min: 1, max: 150 }), { maxLength: 40, size: 'max' }))
  .map(([sends, resends]) => {
    const send = (n: number): ConversationCommand => {
      const lane = { device: 'phone', number: 1, random: 7n }
      return { kind: 'send', from: 'ann' as UserId, lane, n, hash: n, mentions: [] }
    }
    return [...Array.from({ length: sends }, (_, at) => send(at + 1)), ...resends.map(send)]
  })

/** A story in which a device opens more lanes than are kept. */
const manyLanes: fc.Arbitrary<ConversationCommand[]> = fc.array(
  fc.record({ number: fc.integer({ min: 1, max: 14 }), n: fc.constantFrom(1, 1, 2) }).map(({ number, n }) => {
    const lane = { device: 'phone', number, random: 7n }
    return { kind: 'send', from: 'ann' as UserId, lane, n, hash: n, mentions: [] }
  }),
  { maxLength: 60, size: 'max' },
)

describe('the rows of a conversation', () => {
  test('crashing between any two commands changes no decision', () => {
    const story = fc.oneof(fc.array(command, { maxLength: 120, size: 'max' }), longLane, manyLanes)
    fc.assert(
      fc.property(
        fc.constantFrom(TEAM, LUNCH),
        story,
        fc.array(fc.nat(150), { maxLength: 20, size: 'max' }),
        (name, commands, crashes) => {
          const steady = emptyConversation(name)
          let shaken = emptyConversation(name)
          commands.forEach((each, at) => {
            if (crashes.includes(at)) shaken = crashed(shaken)
            deepEqual(run(shaken, each, 1_000 + at), run(steady, each, 1_000 + at), `command ${at}`)
          })
          deepEqual(crashed(crashed(shaken)), crashed(shaken))
          deepEqual(packConversation(shaken), packConversation(steady))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('hold a group larger than a page, each member in the page of its place', () => {
    const state = emptyConversation(TEAM)
    const more = Array.from({ length: 40 }, (_, at) => `user-${at}` as UserId)
    const lane = { device: 'd', number: 1, random: 2n ** 64n - 1n }
    const create = { kind: 'change', action: ChangeAction.create, users: more, from: 'ann' as UserId, lane } as const
    run(state, { ...create, n: 1, hash: 0xffffffff }, Date.UTC(2026, 0))
    equal(pagesOf(state).size, 3)
    deepEqual(crashed(state), state)
    equal(crashed(state).members.get('ann' as UserId)!.role, 'owner')
  })

  test('an empty one is as good as none', () => deepEqual(crashed(emptyConversation(TEAM)), emptyConversation(TEAM)))
})

describe('the row of an inbox', () => {
  test('gives back every device and its lanes', () => {
    const inbox = emptyInbox(INBOX)
    for (let number = 1; number <= 11; number++)
      applyLaneOpened(inbox, { device: 'phone', number, random: BigInt(number) })
    applyLaneOpened(inbox, { device: '📱', number: 1, random: 2n ** 64n - 1n })
    deepEqual(unpackInbox(INBOX, packInbox(inbox), NO_PAGES), inbox)
    deepEqual(unpackInbox(INBOX, packInbox(emptyInbox(INBOX)), NO_PAGES), emptyInbox(INBOX))
  })

  test('gives back the conversation list, page by page', () => {
    const { list } = emptyInbox(INBOX)
    const member = {
      user: 'ann',
      joinOrdinal: 3,
      endOrdinal: 0,
      readSeq: 7,
      readOrdinal: 5,
      isMember: true,
      mentionSeq: 6,
    }
    for (let at = 0; at <= ENTRIES_PER_PAGE; at++) {
      const heads = { app: 'demo', actorKind: 2, conversation: `c${at}`, head: 9 + at, ordinal: 8, time: 1e12 }
      const mode = { modeSeq: 5, isLarge: at === 0, sinceSeq: 9 }
      list.apply({ ...heads, ...mode, members: [], incarnation: 1 + at }, { ...member, memberSeq: at })
    }
    const pages = new Map([0, 1].map((page) => [page, packListPage(list.page(page))]))
    equal(list.page(1).length, 1)
    deepEqual(unpackInbox(INBOX, packInbox({ ...emptyInbox(INBOX), list }), pages).list, list)
  })
})

describe('bytes that are no row of ours are corruption, and the error names the actor', () => {
  const isCorruption = (error: unknown) => error instanceof CorruptionError && /"team"|"ann"/.test(error.message)
  const state = emptyConversation(TEAM)
  const lane = { device: 'd', number: 1, random: 1n }
  run(state, { kind: 'change', action: ChangeAction.create, users: [], from: 'ann' as UserId, lane, n: 1, hash: 1 }, 5)
  const row = packConversation(state)
  const page = pagesOf(state).get(0)!

  test('cut off anywhere', () => {
    for (let size = 0; size < row.length; size++) {
      throws(() => unpackConversation(TEAM, row.subarray(0, size), new Map()), isCorruption)
    }
    for (let size = 0; size < page.length; size++) {
      throws(() => unpackConversation(TEAM, row, new Map([[0, page.subarray(0, size)]])), isCorruption, `${size}`)
    }
    const inbox = packInbox({
      ...emptyInbox(INBOX),
      devices: [{ device: 'd', lastNumber: 1, lanes: [{ number: 1, random: 1n }] }],
    })
    for (let size = 0; size < inbox.length; size++) {
      throws(() => unpackInbox(INBOX, inbox.subarray(0, size), NO_PAGES), isCorruption)
    }
  })

  test('of a version that this build does not know', () => {
    const newer = (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, at) => (at === 0 ? byte + 1 : byte))
    throws(() => unpackConversation(TEAM, newer(row), new Map()), isCorruption)
    throws(() => unpackConversation(TEAM, row, new Map([[0, newer(page)]])), isCorruption)
    throws(() => unpackInbox(INBOX, newer(packInbox(emptyInbox(INBOX))), NO_PAGES), isCorruption)
  })
})
