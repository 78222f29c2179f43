/**
 * Every transcript of test/scenarios/, told over every wire to a real server: what comes out is what is written down.
 */
import { deepEqual, equal } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { DIALS, Served, ServedNode } from '../scenarios/served-node.js'
import { inAnswerOrder, playedFor } from '../scenarios/transcript.js'

const FOLDER = new URL('../scenarios/', import.meta.url)
/** Its log is filled by a sentence; test/process/disk.test.ts fills a real one. */
const SIMULATED_ONLY = ['full-log.txt']

const transcripts = readdirSync(FOLDER).filter((name) => name.endsWith('.txt') && !SIMULATED_ONLY.includes(name))
const served = new Served()

beforeAll(() => served.start())
afterAll(() => served[Symbol.asyncDispose]())

for (const wire of Object.keys(DIALS) as (keyof typeof DIALS)[]) {
  describe(`over ${wire}, on a real server`, () => {
    for (const name of transcripts) {
      test(name, async () => {
        const written = readFileSync(new URL(name, FOLDER), 'utf8')
        const node = new ServedNode(served, wire, `${wire} ${name}`)
        equal(inAnswerOrder(await playedFor(written, node)), inAnswerOrder(written))
        node.end()
      })
    }
  })
}

test('answers are put before what was delivered, and runs are told one by one', () => {
  const transcript = 'alice sings\n----\nbob: seq 2…3 message from alice\nbob: ack 1…2 seq 4…5\n'
  const lines = inAnswerOrder(transcript).trimEnd().split('\n').slice(2)
  const events = ['bob: seq 2 message from alice', 'bob: seq 3 message from alice']
  deepEqual(lines, ['bob: ack 1 seq 4', 'bob: ack 2 seq 5', ...events])
})
