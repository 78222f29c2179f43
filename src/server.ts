/**
 * The main thread of a server process: makes the node ready, starts the worker threads and keeps them running, lets
 * them know each other, and drains them when it is asked to stop. It serves nobody itself, so it is always awake.
 *
 * SIGHUP reads parley.toml again (reload.ts).
 *
 * Exit codes: 0 after a drain, EXIT_CONFIG where an operator must act, 1 for the rest. Only supervisor.ts starts it again.
 *
 * With PARLEY_TEST_FAULTS=1, SIGUSR2 throws in the first worker and SIGHUP exhausts its heap.
 */
import { once } from 'node:events'
import { AccessKeeper } from './access-keeper.js'
import { ConfigError } from './config.js'
import { layerConfig } from './config-layers.js'
import { LIMITS } from './domain/limits.js'
import { openLogger } from './logger.js'
import { prepareNode } from './node.js'
import { claimPorts, PortError } from './port-claim.js'
import { EXIT_CONFIG, type ServingNotice } from './process-messages.js'
import { configOf, readConfig } from './read-config.js'
import { Reload } from './reload.js'
import { servingLine } from './serving-line.js'
import { socketLibrary } from './socket-library.js'
import { banner } from './start-banner.js'
import { WorkerPool } from './worker-pool.js'

/** What is left to close after the workers takes no time; then the process goes, whatever is left of it. */
const HUNG_EXIT_MS = 100

const isJson = process.argv.includes('--json')

process.stdout.on('error', () => {}) // who read us may be gone, and with it our parent

try {
  process.exitCode = await run()
  say('Parley has stopped', { stopped: true })
} catch (error) {
  const isOperators = error instanceof ConfigError || error instanceof PortError
  process.stderr.write(`Parley does not run: ${isOperators ? error.message : describe(error)}\n`)
  process.exitCode = isOperators ? EXIT_CONFIG : 1
}
process.disconnect?.() // the channel to the parent would keep us alive

async function run(): Promise<number> {
  const stopped = stopRequest()
  const ports = await claimPorts(configOf(layerConfig(process.env))) // before the development secret makes the data folder
  const config = readConfig(process.env)
  const logger = openLogger(config, 'main')
  await using node = await prepareNode(config)
  if (node.notice !== undefined) process.stderr.write(`Parley: ${node.notice}\n`)
  await using access = await AccessKeeper.open(config, logger)
  const pool = new WorkerPool({ config, ports, node, access, logger })
  try {
    if ((await Promise.race([pool.start(), stopped, pool.failed])) === 'stop') return 0
    const reload = new Reload({ environment: process.env, pool, keeper: access, logger })
    if (!config.testFaults) process.on('SIGHUP', () => reload.run())
    else {
      process.on('SIGUSR2', () => pool.fault('throw'))
      process.on('SIGHUP', () => pool.fault('exhaust-heap'))
    }
    const { notice } = await socketLibrary()
    const tookMs = performance.now()
    const isTerminal = process.stdout.isTTY === true
    const isColoured = isTerminal && (process.env.NO_COLOR ?? '') === ''
    process.stdout.write(
      isJson ? servingLine(config, ports, tookMs) : banner({ config, ports, notice, tookMs, isTerminal, isColoured }),
    )
    process.send?.({ kind: 'serving', ports } satisfies ServingNotice)
    await Promise.race([stopped, pool.failed])
    const withinMs = LIMITS.drainMs
    say(`Parley is draining, at most ${withinMs / 1_000} s: every client is told to reconnect`, {
      draining: true,
      withinMs,
    })
    return 0
  } finally {
    // A thread that hangs would keep the process, and with it the folder, for ever.
    if (!(await pool.drain(LIMITS.drainMs))) setTimeout(() => process.exit(1), HUNG_EXIT_MS).unref()
  }
}

/** Resolves on the first SIGTERM or SIGINT, or when the parent is gone; later ones change nothing, as a drain ends soon. */
async function stopRequest(): Promise<'stop'> {
  const asked = [once(process, 'SIGTERM'), once(process, 'SIGINT')]
  if (process.connected) asked.push(once(process, 'disconnect'))
  process.on('SIGTERM', () => {}).on('SIGINT', () => {})
  await Promise.race(asked)
  return 'stop'
}

/** To a person, or to the program that started us. */
function say(text: string, facts: object): void {
  process.stdout.write(`${isJson ? JSON.stringify(facts) : text}\n`)
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
