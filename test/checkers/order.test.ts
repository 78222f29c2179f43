import { equal, match } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { type EventFacts, History, type HistoryLine } from './history.js'
import { checkSenderOrder } from './order.js'

interface Sent {
  readonly message: string
  readonly seq: number
  readonly lane: number
  readonly isAcked: boolean
}

/** alice's phone sends `first`, then `then`, before it hears anything; both are accepted. */
function wrongOf(first: Sent, then: Sent): readonly string[] {
  const client = 'alice/phone.1'
  const place = { client, user: 'alice', device: 'phone', conversation: 'lunch' }
  const invoked = [first, then].map(
    ({ message }, at): HistoryLine => ({ type: 'invoked', at, ...place, command: message, what: 'send' }),
  )
  const heard = [first, then].map(({ message, seq, lane, isAcked }): HistoryLine => {
    if (!isAcked) return { type: 'unknown', at: 9, client, command: message }
    return { type: 'acked', at: 9, client, conversation: 'lunch', command: message, lane, n: 1, seq }
  })
  const logged = [first, then]
    .sort((a, b) => a.seq - b.seq)
    .map(({ message, seq, lane }): HistoryLine => {
      const facts = {
        time: seq,
        ordinal: seq,
        memberSeq: 0,
        incarnation: 1,
        digest: 0,
        users: [],
        mentions: [],
        message,
      }
      const kind: EventFacts['kind'] = 'message'
      const at = { conversation: 'lunch', conversationKind: 2, from: 'alice', device: 'phone', seq, lane, n: 1, kind }
      return { type: 'logged', shard: 1, ...at, ...facts }
    })
  return checkSenderOrder(new History([...invoked, ...heard, ...logged]))
}

describe('the order of a client that lost its lane to a copy of its storage', () => {
  test('what had to be sent again in a newer lane may stand behind what was on its way in the old one', () => {
    const again = { message: 'm1', seq: 2, lane: 2, isAcked: true }
    equal(wrongOf(again, { message: 'm2', seq: 1, lane: 1, isAcked: true }).length, 0)
  })

  test('what was acked in the old lane stands above nothing that went out in the newer one', () => {
    const acked = { message: 'm1', seq: 2, lane: 1, isAcked: true }
    match(wrongOf(acked, { message: 'm2', seq: 1, lane: 2, isAcked: true }).join(), /sent m1 before m2; seqs 2, 1/)
  })

  test('what stayed unknown may have come late', () => {
    const unknown = { message: 'm1', seq: 2, lane: 1, isAcked: false }
    equal(wrongOf(unknown, { message: 'm2', seq: 1, lane: 2, isAcked: true }).length, 0)
  })

  test('within a lane nothing may change places', () => {
    const first = { message: 'm1', seq: 2, lane: 1, isAcked: false }
    match(wrongOf(first, { message: 'm2', seq: 1, lane: 1, isAcked: false }).join(), /sent m1 before m2; seqs 2, 1/)
  })
})
