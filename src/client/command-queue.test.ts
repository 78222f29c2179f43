import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'vitest'
import type { AckFrame, RefusalFrame } from '../protocol/decoded-frame.js'
import { CommandQueue, type Entry } from './command-queue.js'

test('commands go out in order with dense numbers, a window of them at most', () => {
  const { sent } = queueOf(['a', 'b', 'c', 'd'], 3)
  deepEqual(sent(), ['a 1', 'b 2', 'c 3'])
  deepEqual(sent(), [])
})

test('an answer makes room for the next', () => {
  const { queue, sent, entryOf } = queueOf(['a', 'b', 'c', 'd'], 3)
  sent()
  equal(queue.acked(entryOf('b'), ack(2, 8)).kind, 'done')
  deepEqual(sent(), [])
  equal(queue.acked(entryOf('a'), ack(1, 7)).kind, 'done')
  deepEqual(sent(), ['d 4'])
})

test('a broken connection sends the same numbers again', () => {
  const { queue, sent } = queueOf(['a', 'b'])
  sent()
  queue.disconnected()
  deepEqual(sent(), ['a 1', 'b 2'])
})

test('"not now" holds back everything behind it, and old answers say nothing', () => {
  const { queue, sent, entryOf } = queueOf(['a', 'b', 'c'])
  sent()
  deepEqual(queue.refused(entryOf('b'), 1, refusal(1202)), { kind: 'again', afterMs: 50 })
  deepEqual(sent(), [])
  deepEqual(queue.refused(entryOf('c'), 1, refusal(1203, 2)), { kind: 'nothing' })
  queue.resume()
  deepEqual(sent(), ['b 2', 'c 3'])
  deepEqual(queue.refused(entryOf('c'), 1, refusal(1203, 2)), { kind: 'nothing' })
})

test('a send-gap goes back to what is expected', () => {
  const { queue, sent, entryOf } = queueOf(['a', 'b', 'c'])
  sent()
  equal(queue.refused(entryOf('c'), 1, refusal(1203, 1)).kind, 'again')
  queue.resume()
  deepEqual(sent(), ['a 1', 'b 2', 'c 3'])
})

test('a send-gap below everything unanswered is the end of the lane', () => {
  const { queue, sent, entryOf } = queueOf(['a', 'b', 'c'])
  sent()
  queue.acked(entryOf('a'), ack(1, 7))
  deepEqual(queue.refused(entryOf('b'), 1, refusal(1203, 1)), { kind: 'lane-lost', why: 'send-gap' })
})

test('what the gateway refuses is voided first, and reported when the void is acked', () => {
  const { queue, sent, entryOf } = queueOf(['a'])
  sent()
  const a = entryOf('a')
  equal(queue.refused(a, 1, refusal(1103)).kind, 'again')
  queue.resume()
  deepEqual(sent(), ['void 1'])
  const verdict = queue.acked(a, ack(1, 0))
  ok(verdict.kind === 'done')
  deepEqual(verdict.outcome, { kind: 'refused', code: 1103, n: 1 })
})

test('an older sending that the gateway refuses, too, is not the answer to the void', () => {
  const { queue, sent, entryOf } = queueOf(['a'])
  sent()
  queue.disconnected()
  sent()
  const a = entryOf('a')
  equal(queue.refused(a, 1, refusal(1103)).kind, 'again')
  queue.resume()
  deepEqual(sent(), ['void 1'])
  deepEqual(queue.refused(a, 2, refusal(1103)), { kind: 'nothing' })
  equal(queue.acked(a, ack(1, 0)).kind, 'done')
})

test('a void that is answered with a seq tells that the message was sent after all', () => {
  const { queue, sent, entryOf } = queueOf(['a'])
  sent()
  const a = entryOf('a')
  queue.refused(a, 1, refusal(1103))
  queue.resume()
  sent()
  const verdict = queue.acked(a, ack(1, 9))
  ok(verdict.kind === 'done' && verdict.outcome.kind === 'acked')
  equal(verdict.outcome.seq, 9)
})

test('what the owner refuses needs no void', () => {
  for (const code of [1401, 1406]) {
    const { queue, sent, entryOf } = queueOf(['a'])
    sent()
    const verdict = queue.refused(entryOf('a'), 1, refusal(code))
    ok(verdict.kind === 'done' && verdict.outcome.kind === 'refused')
  }
})

test('a new lane takes what was never sent; the rest is unknown', () => {
  const { queue, sent } = queueOf(['a', 'b', 'c', 'd'], 2)
  sent()
  deepEqual(
    queue.changeLane().map((command) => command.id),
    ['a', 'b'],
  )
  deepEqual(sent(), ['c 1', 'd 2'])
})

test('what was refused because another message has its n goes on in the new lane', () => {
  const { queue, sent, entryOf } = queueOf(['a', 'b'])
  sent()
  deepEqual(queue.refused(entryOf('a'), 1, refusal(1105)), { kind: 'lane-lost', why: 'lane-reused' })
  deepEqual(
    queue.changeLane().map((command) => command.id),
    ['b'],
  )
  deepEqual(sent(), ['a 1'])
})

test('nothing goes out before it is stored, as it is then', () => {
  const queue = new CommandQueue({ kind: 2, id: 'lunch' }, 64)
  queue.add({ id: 'a', body: { kind: 'send', content: new Uint8Array() } })
  equal(queue.next(), undefined)
  const [a] = queue.takeUnstored()
  equal(queue.next(), undefined)
  queue.stored(a!, a!.revision)
  equal(queue.next(), a)
  deepEqual(queue.takeUnstored(), [])

  const before = a!.revision
  queue.refused(a!, 1, refusal(1103)) // now a void is to be sent
  queue.resume()
  queue.stored(a!, before)
  equal(queue.next(), undefined)
  deepEqual(queue.takeUnstored(), [a])
  queue.stored(a!, a!.revision)
  equal(queue.frameOf(queue.next()!, 1).kind, 'void')
})

test('a restored queue goes on where the last life stopped', () => {
  const { queue, sent } = queueOf([])
  const command = (id: string) => ({ id, body: { kind: 'send', content: new Uint8Array() } }) as const
  queue.restore(9, [
    { command: command('a'), n: 7, voidFor: undefined },
    { command: command('b'), n: 8, voidFor: 1103 },
    { command: command('c'), n: 0, voidFor: undefined },
  ])
  queue.add(command('d'))
  deepEqual(sent(), ['a 7', 'void 8', 'c 9', 'd 10'])
})

function queueOf(ids: readonly string[], window = 64) {
  const queue = new CommandQueue({ kind: 2, id: 'lunch' }, window)
  for (const id of ids) queue.add({ id, body: { kind: 'send', content: new Uint8Array() } })
  const entries = new Map<string, Entry>()
  const sent = () => {
    const names: string[] = []
    for (const entry of queue.takeUnstored()) queue.stored(entry, entry.revision)
    for (let entry = queue.next(); entry !== undefined; entry = queue.next()) {
      entries.set(entry.command.id, entry)
      const frame = queue.frameOf(entry, 1)
      names.push(`${frame.kind === 'void' ? 'void' : entry.command.id} ${entry.n}`)
    }
    return names
  }
  return { queue, sent, entryOf: (id: string) => entries.get(id)! }
}

function ack(n: number, seq: number): AckFrame {
  return { kind: 'ack', ref: 1, n, seq, time: 5, flags: 0 }
}

function refusal(code: number, expected = 0): RefusalFrame {
  return { kind: 'refusal', ref: 1, n: 0, code, retryAfterMs: 50, expected, name: '', advice: '' }
}

test('marks outlive their lane: what they say, they may say twice', () => {
  const conversation = { kind: 2, id: 'lunch' } as const
  const queue = new CommandQueue(conversation, 3)
  const mark = { kind: 'mark', conversation, seq: 4, ordinal: 4, set: 0, flags: 0, incarnation: 1 } as const
  queue.add({ id: 'mark', body: mark })
  queue.add({ id: 'text', body: { kind: 'change', action: 3, users: [] } })
  const send = () => {
    for (const entry of queue.takeUnstored()) queue.stored(entry, entry.revision)
    const sent: string[] = []
    for (let entry = queue.next(); entry !== undefined; entry = queue.next())
      sent.push(`${entry.command.id} ${entry.n}`)
    return sent
  }
  deepEqual(send(), ['mark 1', 'text 2'])
  deepEqual(
    queue.changeLane().map(({ id }) => id),
    ['text'],
  )
  deepEqual(send(), ['mark 1'])
})

test('a mark waits for its conversation to be listed, longer each time, and is given up and voided in the end', () => {
  const { queue, sent, entryOf } = queueOf(['a'])
  const pauses: number[] = []
  for (sent(); ; ) {
    const verdict = queue.refused(entryOf('a'), entryOf('a').attempt, refusal(1213))
    if (verdict.kind !== 'again') break
    pauses.push(verdict.afterMs)
    queue.resume()
    if (sent()[0] === 'void 1') break
  }
  deepEqual(pauses.slice(0, 3), [50, 100, 200])
  equal(pauses.length, 14)
  deepEqual(queue.acked(entryOf('a'), ack(1, 0)), {
    kind: 'done',
    command: entryOf('a').command,
    outcome: { kind: 'refused', code: 1109, n: 1 },
  })
})
