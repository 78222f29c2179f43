import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import type { Message } from '../../src/client-browser.js'
import { type MessageRow, TimelineRows } from './timeline-rows.js'

function message(seq: number, id = `m${seq}`, from = 'bob'): Message {
  const conversation = { kind: 2, id: 'demo' } as const
  const content = { contentType: 'text/plain', text: id, body: new Uint8Array(), mentions: [], preview: '' }
  return { kind: 'message', conversation, seq, time: 1_000 + seq, from, device: 'd', id, ...content }
}

function written(id: string): MessageRow {
  const open = { seq: undefined, time: undefined, tookMs: undefined }
  return { kind: 'message', id, from: 'alice', text: id, progress: 'storing', ...open }
}

function idsOf(rows: TimelineRows): string[] {
  return rows.all.map((row) => (row.kind === 'message' ? row.id : row.change))
}

test('events stand by seq, in whatever order they come, and what has none stands below', () => {
  const rows = new TimelineRows()
  rows.write(written('mine'))
  for (const seq of [7, 8, 3, 5]) rows.show(message(seq), undefined)
  deepEqual(idsOf(rows), ['m3', 'm5', 'm7', 'm8', 'mine'])
  equal(rows.firstSeq, 3)
})

test('an event is shown once', () => {
  const rows = new TimelineRows()
  rows.show(message(1), 4)
  rows.show(message(1), 9)
  deepEqual(
    rows.all.map((row) => row.kind === 'message' && row.tookMs),
    [4],
  )
})

test('what was written moves to its place and keeps how long its ack took', () => {
  const rows = new TimelineRows()
  rows.write(written('mine'))
  rows.change('mine', { progress: 'acked', tookMs: 12 })
  rows.show(message(1), undefined)
  rows.show(message(2, 'mine', 'alice'), undefined)
  rows.show(message(3), undefined)
  deepEqual(idsOf(rows), ['m1', 'mine', 'm3'])
  const [, mine] = rows.all
  deepEqual(mine?.kind === 'message' && [mine.seq, mine.tookMs, mine.progress], [2, 12, 'acked'])
})

test('an ack that comes after its event still tells how long it took', () => {
  const rows = new TimelineRows()
  rows.write(written('mine'))
  rows.show(message(1, 'mine', 'alice'), undefined)
  rows.change('mine', { tookMs: 7 })
  deepEqual(
    rows.all.map((row) => row.kind === 'message' && row.tookMs),
    [7],
  )
})

test('the oldest of more than 400 rows leave; older ones that were asked for stay', () => {
  const rows = new TimelineRows()
  for (let seq = 101; seq <= 501; seq++) rows.show(message(seq), undefined)
  equal(rows.all.length, 400)
  equal(rows.firstSeq, 102)
  rows.show(message(50), undefined)
  equal(rows.firstSeq, 50)
})
