/**
 * Prints the counts of a vitest JSON report as one line. Exits 1 when something failed, when there is
 * no report, or, with CI=true, when a test was skipped because a server was missing: such a test says
 * "missing server" in its name.
 */
import { readFileSync } from 'node:fs'

const files = readReport(process.argv[2])
const tests = files.flatMap((file) => file.assertionResults)
const passed = tests.filter((test) => test.status === 'passed').length
// A file that fails outside its tests, say on an import, has no failed test to show for it.
const brokenFiles = files.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
)
const failed = tests.filter((test) => test.status === 'failed').length + brokenFiles.length
const skipped = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed')
const unserved = skipped.filter((test) => test.fullName.includes('missing server'))
const mustBeServed = process.env.CI === 'true' && unserved.length > 0

if (mustBeServed)
  console.log(`skipped for want of a server:\n${unserved.map((test) => `  ${test.fullName}`).join('\n')}`)
console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`)
process.exit(failed > 0 || mustBeServed ? 1 : 0)

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).testResults
  } catch (error) {
    console.log(`no test report: ${error.message}`)
    return [{ status: 'failed', assertionResults: [] }]
  }
}
