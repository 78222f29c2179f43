/**
 * overload: what happens to those who are served when far more is asked than can be given.
 *
 * First the closed loop finds the rate that the server reaches; then three times that rate is due by schedule, with a
 * full lane window (64) per client. Its numbers: the share of the peak that is still acked (goodput), the p99 from
 * sending to ack of what was admitted, and whether every refusal says how long to wait.
 */
import type { Lab } from '../lab.js'
import { provenance, type Result, rounded, totals, verdictFields } from '../result.js'

const TIMES_PEAK = 3

export async function overload(lab: Lab): Promise<Result> {
  const { options } = lab
  const side = await lab.join(await lab.server(), lab.plan('pairs'))
  const span = { warmUpSeconds: options.warmUpSeconds, seconds: options.seconds / 2 }
  const peak = totals([await lab.round(side, { kind: 'closed', window: options.window }, span)])
  const ratePerSecond = options.rate ?? TIMES_PEAK * peak.ackedPerSecond
  const over = totals([await lab.round(side, { kind: 'open', ratePerSecond }, span)])
  const verdict = await lab.verify(side)
  return {
    ...provenance(options, lab.cores),
    ...over,
    peakAckedPerSecond: peak.ackedPerSecond,
    offeredPerSecond: ratePerSecond,
    goodputRatio: rounded(over.ackedPerSecond / peak.ackedPerSecond, 3),
    serverRssBytesAtEnd: side.target.processes.residentBytes(),
    ...verdictFields(verdict),
    violations: verdict.violations + verdict.refusalsWithoutWait,
  }
}
