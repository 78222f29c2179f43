/**
 * growth: cost must not depend on what exists. Two servers, one empty and one that was first given `--conversations`
 * direct conversations and `--messages` messages, and was then restarted; both serve the same load in turns.
 *
 * Its numbers: the median over the rounds of CPU per message, full to empty, with its spread; and how long the full
 * server took from being started to being ready.
 */
import type { Lab, Round, Side } from '../lab.js'
import type { Verdict } from '../load.js'
import type { LoadProcess } from '../load-process.js'
import { median, provenance, type Result, rounded, totals, verdictFields } from '../result.js'

const FILLERS = 200
const FILL_WINDOW = 32
const FILL_IDLE_TIMEOUT_MS = 600_000

export async function growth(lab: Lab): Promise<Result> {
  const { options } = lab
  const filled = await fill(lab)
  const startedAt = performance.now()
  const fullTarget = await lab.server('full')
  const fullReadyMs = Math.round(performance.now() - startedAt)
  const filledVerdict = await verifyAgain({ target: fullTarget, load: filled.load })
  const full = await lab.join(fullTarget, lab.plan('pairs', 'turns'))
  const empty = await lab.join(await lab.server('empty'), lab.plan('pairs', 'turns'))

  const rounds: { empty: Round; full: Round }[] = []
  for (let turn = 0; turn < options.rounds; turn++) {
    const warmUpSeconds = turn === 0 ? options.warmUpSeconds : Math.min(0.5, options.warmUpSeconds)
    const span = { warmUpSeconds, seconds: options.seconds / options.rounds }
    const first = await lab.round(turn % 2 === 0 ? empty : full, lab.pace, span)
    const second = await lab.round(turn % 2 === 0 ? full : empty, lab.pace, span)
    rounds.push(turn % 2 === 0 ? { empty: first, full: second } : { empty: second, full: first })
  }

  const cost = ({ cpuMicros, ackedInAll }: Round) => rounded(cpuMicros / ackedInAll, 2)
  const ratios = rounds.map((round) => rounded(cost(round.full) / cost(round.empty), 3))
  const verdicts = [filledVerdict, await lab.verify(full), await lab.verify(empty)]
  return {
    ...provenance(options, lab.cores),
    ...totals(rounds.map((round) => round.full)),
    conversations: options.conversations,
    messages: options.messages,
    fullToEmptyCpuRatio: median(ratios),
    fullToEmptyCpuRatios: ratios,
    emptyCpuMicros: rounds.map((round) => cost(round.empty)),
    fullCpuMicros: rounds.map((round) => cost(round.full)),
    fullReadyMs,
    fillRssBytes: filled.residentBytes,
    fullRssBytes: fullTarget.processes.residentBytes(),
    emptyRssBytes: empty.target.processes.residentBytes(),
    ...verdictFields(...verdicts),
  }
}

/** Gives the full server what it shall hold, then stops it. */
async function fill(lab: Lab): Promise<{ readonly load: LoadProcess; readonly residentBytes: number }> {
  const { options } = lab
  const target = await lab.server('full')
  const { load } = await lab.join(target, lab.plan('pairs', 'fill', FILLERS))
  await load.ask('fillMessages', { messages: options.messages, window: FILL_WINDOW })
  await load.ask('fillConversations', options.conversations)
  await target.processes.idle(FILL_IDLE_TIMEOUT_MS)
  const residentBytes = target.processes.residentBytes()
  await load.ask('cut')
  await target.stop()
  return { load, residentBytes }
}

/** What was acked before the restart must be there after it. */
async function verifyAgain({ target, load }: Side): Promise<Verdict> {
  await load.ask('reconnect', target.address)
  const verdict = await load.ask('verify', { readBack: true })
  load.end()
  return verdict
}
