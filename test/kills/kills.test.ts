/** The kill harness in small: `npm run -s kills` runs it in earnest. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, test } from 'vitest'
import { runLargeGroup } from './large-group.js'
import { runResends } from './resends.js'
import { runUnderKills } from './under-kills.js'

const root = mkdtempSync(join(tmpdir(), 'parley-kills-'))
afterAll(() => rmSync(root, { recursive: true }))

test('three kills -9 under load with 1, 4 and 2 workers break no promise', { timeout: 90_000 }, async () => {
  const folder = mkdtempSync(join(root, 'kills-'))
  const report = await runUnderKills({ seed: 1, kills: 3, workers: [1, 4, 2], clients: 8, folder })
  deepEqual(report.violations, [])
  ok(report.acked > 0 && report.events >= report.acked / 2, JSON.stringify(report))
})

test('every acked send resent after three kills makes no second message', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(root, 'resends-'))
  const report = await runResends({ seed: 1, messages: 3_000, workers: [1, 4, 2], folder, crowd: 0 })
  deepEqual(report.violations, [])
  equal(report.resent, report.messages)
})

test('a group that crosses 2,000 members up, down and up again under a kill -9 breaks no promise', {
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(root, 'large-'))
  const report = await runLargeGroup({ seed: 1, kills: 1, workers: [2, 1], members: 2_050, online: 250, folder })
  deepEqual(report.violations, [])
  deepEqual(report.modes, ['large', 'small', 'large'])
})
