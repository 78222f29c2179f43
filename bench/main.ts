/**
 * npm run -s bench -- SCENARIO: measures the built server, prints a table, and keeps the numbers as JSON if asked.
 *
 * The server runs as users run it, in its own process on its own core; the clients are another process on another core
 * (load.ts). After the load, every message that was acked is read back through History and compared: a run with
 * violations ends with exit code 1, whatever its speed. What is counted is said in bench/README.md.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { Lab } from './lab.js'
import { type BenchOptions, parseOptions, USAGE } from './options.js'
import { comparison, table } from './report.js'
import type { Result } from './result.js'
import { againstRelay } from './scenarios/against-relay.js'
import { growth } from './scenarios/growth.js'
import { overload } from './scenarios/overload.js'
import { recovery } from './scenarios/recovery.js'

async function main(): Promise<number> {
  const options = optionsOrUsage()
  if (options === undefined) return 2
  const result = await run(options)
  process.stdout.write(`${table(result)}\n`)
  if (options.compare !== undefined) {
    process.stdout.write(`${comparison(JSON.parse(readFileSync(options.compare, 'utf8')) as Result, result)}\n`)
  }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`)
  return result.violations === 0 ? 0 : 1
}

async function run(options: BenchOptions): Promise<Result> {
  await using lab = new Lab(options)
  switch (options.scenario) {
    case 'durable':
      return await againstRelay(lab, 'pairs')
    case 'fanout':
      return await againstRelay(lab, 'group')
    case 'recovery':
      return await recovery(lab)
    case 'growth':
      return await growth(lab)
    case 'overload':
      return await overload(lab)
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
