/**
 * npm run -s bench -- SCENARIO: measures the built server, prints a table, and keeps the numbers as JSON if asked.
 *
 * The server runs as users run it, in its own process on its own core; the clients are another process on another core
 * (load.ts). After the load, every message that was acked is read back through History and compared: a run with
 * violations ends with exit code 1, whatever its speed. What is counted is said in bench/README.md.
 */
import { openSync, readFileSync, writeSync } from 'node:fs'
import { Lab } from './lab.js'
import { type BenchOptions, parseOptions, USAGE } from './options.js'
import { comparison, table } from './report.js'
import { MEASURES, type Result } from './result.js'
import { againstRelay } from './scenarios/against-relay.js'
import { echo } from './scenarios/echo.js'
import { growth } from './scenarios/growth.js'
import { overload } from './scenarios/overload.js'
import { recovery } from './scenarios/recovery.js'
import { resume } from './scenarios/resume.js'
import { sessions } from './scenarios/sessions.js'

async function main(): Promise<number> {
  const options = optionsOrUsage()
  if (options === undefined) return 2
  const { before, keep } = files(options)
  const result = await run(options)
  process.stdout.write(`${table(result)}\n`)
  if (before !== undefined) process.stdout.write(`${comparison(before, result)}\n`)
  keep?.(`${JSON.stringify({ ...UNMEASURED, ...result }, null, 2)}\n`)
  return result.violations === 0 ? 0 : 1
}

const UNMEASURED = Object.fromEntries(MEASURES.map((name) => [name, null]))

/** Opened before anything is measured: a run of minutes must not end with "no such file". */
function files({ compare, json }: BenchOptions): {
  before: Result | undefined
  keep: ((text: string) => void) | undefined
} {
  try {
    const before = compare === undefined ? undefined : (JSON.parse(readFileSync(compare, 'utf8')) as Result)
    if (json === undefined) return { before, keep: undefined }
    const descriptor = openSync(json, 'w')
    return { before, keep: (text) => void writeSync(descriptor, text) }
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n`)
    process.exit(2)
  }
}

async function run(options: BenchOptions): Promise<Result> {
  await using lab = new Lab(options)
  switch (options.scenario) {
    case 'durable':
    case 'spread':
      return await againstRelay(lab, 'pairs')
    case 'fanout':
      return await againstRelay(lab, 'group')
    case 'recovery':
      return await recovery(lab)
    case 'growth':
      return await growth(lab)
    case 'overload':
      return await overload(lab)
    case 'sessions':
      return await sessions(lab)
    case 'resume':
      return await resume(lab)
    case 'echo':
      return await echo(lab)
  }
}

function optionsOrUsage(): BenchOptions | undefined {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n\n${USAGE}`)
    return undefined
  }
}

process.once('SIGINT', () => process.exit(130)) // runs the exit handlers, which end what was started
process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.stack : error}\n`)
  return 1
})
