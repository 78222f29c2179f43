/**
 * recovery: the worst moment. Under full load every process of the server is killed with -9 and started again on the
 * same data; clients come back by themselves, with their lanes, and send again what was not acked.
 *
 * Its number: milliseconds from the kill until a send is acked again. At the end everything acked, before and after
 * every kill, is read back.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../lab.js'
import { median, provenance, type Result, verdictFields } from '../result.js'

/** Time for what the dead server had already sent to be read: its acks do not count as recovery. */
const LAST_WORDS_MS = 20
const POLL_MS = 2
const RECOVERY_TIMEOUT_MS = 60_000

export async function recovery(lab: Lab): Promise<Result> {
  const { options } = lab
  const side = await lab.join(await lab.server(), lab.plan('pairs'))
  const { load } = side
  await load.ask('surviveLoss')
  await load.ask('start', lab.pace)

  const killToAckMs: number[] = []
  const startToReadyMs: number[] = []
  for (let turn = 0; turn < options.rounds; turn++) {
    await sleep((0.5 + Math.random()) * 1000 * (options.seconds / options.rounds)) // no phase of the server is spared
    const killedAt = performance.now()
    await side.target.kill()
    const startedAt = performance.now()
    const restarted = lab.server()
    await sleep(LAST_WORDS_MS)
    const before = (await load.ask('progress')).acked
    side.target = await restarted
    startToReadyMs.push(Math.round(performance.now() - startedAt))
    await load.ask('moved', side.target.address)
    while ((await load.ask('progress')).acked === before) {
      if (performance.now() - killedAt > RECOVERY_TIMEOUT_MS) throw new Error('No send was acked after the restart')
      await sleep(POLL_MS)
    }
    killToAckMs.push(Math.round(performance.now() - killedAt))
  }

  await load.ask('settle')
  const verdict = await lab.verify(side)
  return {
    ...provenance(options, lab.cores),
    killToAckMs,
    killToAckMsMedian: median(killToAckMs),
    startToReadyMs,
    ...verdictFields(verdict),
  }
}
