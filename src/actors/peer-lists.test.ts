import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { fixedList } from './fixed-list.js'
import { type ListItem, ReceivedLists, SentLists } from './peer-lists.js'
import type { Head } from './peer-outbox.js'

function pair() {
  const [sent, received] = [new SentLists(), new ReceivedLists()]
  const news: Head[] = []
  let isLossy = false
  const name = (list: readonly ListItem[]) =>
    sent.numberOf(list, (head) => {
      news.push(head)
      if (!isLossy) received.take(head as Parameters<ReceivedLists['take']>[0])
    })
  const lose = (is: boolean) => {
    isLossy = is
  }
  return { sent, received, news, name, lose }
}

test('a list is sent once, and one that takes its place as the difference', () => {
  const { received, news, name } = pair()
  const first = fixedList(['ann', 'ben', 'cid'], undefined)
  equal(name(first), name(first))
  const second = fixedList(['ann', 'cid', 'dora'], first)
  const number = name(second)
  deepEqual(received.get(number), ['ann', 'cid', 'dora'])
  deepEqual(
    news.map(({ epoch, text }) => [epoch, text]),
    [
      [0, 'ann\u0001ben\u0001cid'],
      [1, 'ben\ndora'],
    ],
  )
  equal(received.get(1), undefined) // nobody names it again
  equal(fixedList(['ann', 'cid', 'dora'], second), second)
  const numbers = fixedList([7, 8], undefined)
  deepEqual(received.get(name(numbers)), [7, 8])
  deepEqual(received.get(name(fixedList<number>([], numbers))), [])
})

test('a list that was lost, or a difference to one, is sent whole once the other end says so', () => {
  const { sent, received, news, name, lose } = pair()
  const first = fixedList(['ann'], undefined)
  lose(true)
  equal(received.get(name(first)), undefined)
  lose(false)
  const second = fixedList(['ann', 'ben'], first)
  const lost = name(second)
  equal(received.get(lost), undefined)
  sent.unknown(lost)
  sent.unknown(lost)
  deepEqual(received.get(name(second)), ['ann', 'ben'])
  equal(news.at(-1)?.epoch, 0)
})

test('either end forgets the lists not used for the longest, and goes on', () => {
  const { sent, received, news, name } = pair()
  const long = (from: number) =>
    fixedList(
      Array.from({ length: 200_000 }, (_, at) => from + at),
      undefined,
    )
  const lists = [0, 1, 2].map(long)
  const [a, b, c] = lists.map(name)
  equal(news.length, 3)
  equal(name(lists[1]!), b)
  equal(name(lists[2]!), c)
  const again = name(lists[0]!)
  equal(again === a, false)
  equal(name(lists[2]!), c)
  equal(received.get(a!)?.length, 200_000) // it holds twice as many
  sent.unknown(99)
  for (let more = 3; more < 9; more++) name(long(more))
  equal(received.get(a!), undefined)
})
