import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { framesAfter, Script, START } from '../../test/actors/scripted-log.js'
import { CorruptionError, UnavailableError } from '../domain/errors.js'
import type { LogPlace } from '../log/frame.js'
import type { LoggedFrame } from '../log/shard-log.js'
import { takeOver } from './takeover.js'

/** The store as of START, whose tail is 10. */
function behindStart(): Script {
  const script = new Script()
  const { logIncarnation, batchNo, epoch, chain, tail } = START
  script.snapshot = { position: { logIncarnation, batchNo, index: 0 }, epoch, chain, tail }
  return script
}

/** Above START one batch of the owner before, then our barrier at tail 12. */
const LOG: readonly LoggedFrame[] = framesAfter(START, { by: 'others' }, { by: 'us', kind: 'barrier' })

function tailAndEpoch(place: LogPlace | undefined): unknown {
  return place === undefined ? undefined : [place.tail, place.epoch]
}

describe('the barrier', () => {
  test('follows the number that a refusal names, at once', async () => {
    const script = behindStart()
    script.outcomes.push({ kind: 'fenced', tail: 11 }, { kind: 'appended', tail: 12 }, { kind: 'appended', tail: 13 })
    script.reads.push(LOG)
    deepEqual(tailAndEpoch(await takeOver(script.own)), [13, 3])
    deepEqual(script.said, ['barrier after 10', 'barrier after 11', 'serve after 12'])
    deepEqual(script.replayed, [5, 6])
  })

  test('asks for the tail where the refusal names none, and waits a moment where the log is busy', async () => {
    const script = behindStart()
    script.tails.push(9, 11)
    script.outcomes.push({ kind: 'fenced' }, { kind: 'unknown', cause: '10164', busy: true })
    script.outcomes.push({ kind: 'unknown', cause: 'timeout' }, { kind: 'refused', why: 'full' })
    script.outcomes.push({ kind: 'appended', tail: 12 }, { kind: 'appended', tail: 13 })
    script.reads.push(LOG)
    deepEqual(tailAndEpoch(await takeOver(script.own)), [13, 3])
    deepEqual(script.said, [
      'barrier after 9',
      'barrier after 11',
      'pause 5',
      'barrier after 11',
      'pause 50',
      'barrier after 11',
      'pause 200',
      'barrier after 11',
      'serve after 12',
    ])
    deepEqual(script.troubles, ['3: the log did not confirm a barrier', '4: the log takes nothing: full'])
  })
})

describe('replay', () => {
  const untilServed = async (script: Script) => {
    script.outcomes.push({ kind: 'appended', tail: 12 }, { kind: 'appended', tail: 13 })
    const place = await takeOver(script.own)
    return { place: tailAndEpoch(place), batches: script.replayed }
  }

  test('goes on until our barrier is read, however often a read ends early', async () => {
    const script = behindStart()
    script.reads.push([], LOG.slice(0, 1), [], LOG)
    deepEqual(await untilServed(script), { place: [13, 3], batches: [5, 6] })
  })

  test('begins anew after trouble, so that nothing is applied twice', async () => {
    const script = behindStart()
    script.reads.push(LOG.slice(0, 1), new UnavailableError('gone'), LOG)
    deepEqual(await untilServed(script), { place: [13, 3], batches: [5, 6] })
    deepEqual(script.troubles, ['1: gone'])
  })

  test('that finds damage tells so each time, and tries again ever more slowly', async () => {
    const script = behindStart()
    script.reads.push(...Array.from({ length: 7 }, () => new CorruptionError('bad')), LOG)
    deepEqual(await untilServed(script), { place: [13, 3], batches: [5, 6] })
    deepEqual(script.troubles, ['1: bad', '2: bad', '3: bad', '4: bad', '5: bad', '6: bad', '7: bad'])
    const pauses = script.said.filter((line) => line.startsWith('pause'))
    deepEqual(
      pauses,
      [100, 200, 400, 800, 1000, 1000, 1000].map((ms) => `pause ${ms}`),
    )
  })

  test('reads the snapshot again where the log was purged meanwhile', async () => {
    const script = behindStart()
    script.reads.push(LOG.slice(1), LOG)
    deepEqual(await untilServed(script), { place: [13, 3], batches: [5, 6] })
    equal(script.said.includes('lost tail'), false)
  })

  test('that never links up with the store takes the log to have lost its tail, after twenty reads', async () => {
    for (const [reads, incarnation] of [
      [19, 1],
      [20, 2],
    ] as const) {
      const script = behindStart()
      script.reads.push(...Array.from({ length: reads }, () => LOG.slice(1)), LOG)
      script.outcomes.push({ kind: 'appended', tail: 12 }, { kind: 'appended', tail: 13 })
      equal((await takeOver(script.own))?.logIncarnation, incarnation)
      equal(script.said.includes('lost tail'), incarnation === 2)
    }
  })

  test('that finds the store ahead of the barrier begins a new incarnation, once it serves', async () => {
    const script = behindStart()
    script.snapshot = { ...script.snapshot!, tail: 40 }
    script.outcomes.push({ kind: 'appended', tail: 12 }, { kind: 'appended', tail: 13 })
    const place = await takeOver(script.own)
    deepEqual([place?.logIncarnation, place?.batchNo, place?.epoch], [2, 2, 3])
    deepEqual(script.said, ['barrier after 10', 'serve after 12', 'lost tail'])
  })
})

describe('the serve frame', () => {
  const contend = (...above: readonly LoggedFrame[]) => {
    const script = behindStart()
    script.outcomes.push({ kind: 'appended', tail: 12 }, { kind: 'fenced', tail: 13 })
    script.reads.push(LOG, above)
    return script
  }
  const foreign = (kind: 'barrier' | 'serve') =>
    framesAfter({ ...START, tail: 12 }, { by: 'others', kind: 'barrier' }, { by: 'others', kind })

  test('that is fenced gives way to whoever serves', async () => {
    const script = contend(...foreign('serve'))
    equal(await takeOver(script.own), undefined)
    deepEqual(script.said, ['barrier after 10', 'serve after 12', 'let others serve'])
  })

  test('that is fenced by a barrier alone is tried again from the beginning', async () => {
    const script = contend(...foreign('barrier'))
    script.patience = 5
    equal(await takeOver(script.own), undefined)
    deepEqual(script.said.slice(2, 4), ['let others serve', 'barrier after 10'])
  })

  test('of unknown outcome is followed by another barrier', async () => {
    const script = behindStart()
    script.outcomes.push({ kind: 'appended', tail: 12 }, { kind: 'unknown', cause: 'timeout' })
    script.reads.push(LOG)
    script.patience = 5
    await takeOver(script.own)
    deepEqual(script.said.slice(0, 4), ['barrier after 10', 'serve after 12', 'pause 50', 'barrier after 10'])
  })
})

test('a life that is over says nothing to the log', async () => {
  const script = behindStart()
  script.patience = 0
  equal(await takeOver(script.own), undefined)
  deepEqual(script.said, [])
})
