import { deepEqual, equal, match } from 'node:assert/strict'
import { test } from 'vitest'
import { runSeed } from './run-seed.js'
import { Tally, tellingOf } from './tally.js'
import { outsidePromises } from './virtual-time.js'

test('parts of a run, sent between processes, add up to the run', async () => {
  const [whole, half, other, sum] = [new Tally(), new Tally(), new Tally(), new Tally()]
  for (const [seed, part] of [
    [1, half],
    [2, other],
    [3, half],
  ] as const) {
    const outcome = await outsidePromises(() => runSeed(seed))
    whole.take(outcome)
    part.take(outcome)
  }
  for (const { part } of [half, other]) sum.add(JSON.parse(JSON.stringify(part)))
  deepEqual(sum.part, whole.part)
  equal(sum.worlds, 3)
})

test('a world that broke a promise is told with the line that shows it again', async () => {
  const outcome = await outsidePromises(() => runSeed(1))
  equal(tellingOf(outcome), '')
  const broken = { ...outcome, violations: [{ checker: 'acks', message: 'wrong' }] }
  match(tellingOf(broken), /seed 1 broke 1 promises.*--seed 1 --trace\n {2}acks: wrong/)
  const tally = new Tally()
  tally.take(broken)
  deepEqual(tally.failed[0]?.all, ['acks'])
})
