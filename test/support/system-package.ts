/** What some tests need of the system: installed where that was asked for, and named in the title of the test that is skipped without it. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type TestOptions, test } from 'vitest'

const INSTALLER = fileURLToPath(new URL('../../scripts/install-system-packages.mjs', import.meta.url))
const mayInstall = process.env['CI'] === 'true' || process.env['PARLEY_INSTALL'] === '1'

export interface Needed {
  /** Of apt. */
  readonly package: string
  isThere(): boolean
}

/** `.ci/run` fails where one is skipped that says "missing server". */
export function testWith(needed: Needed, title: string, options: TestOptions, run: () => Promise<void>): void {
  if (!needed.isThere() && mayInstall) {
    spawnSync(process.execPath, [INSTALLER, needed.package], { stdio: 'inherit' })
  }
  if (needed.isThere()) test(title, options, run)
  else test.skip(`${title} (missing server: ${needed.package}; PARLEY_INSTALL=1 npm test installs it)`)
}
