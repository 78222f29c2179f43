#!/usr/bin/env node
/**
 * `parley`: parses the command line, runs the command, and turns what went wrong into one message and an exit code
 * (terminal.ts). A stack trace means a bug in Parley, and says so.
 */
import { CommanderError } from 'commander'
import { ConfigError } from '../config.js'
import { WAITING_CLOCK } from '../std/clock.js'
import { parleyProgram } from './program.js'
import { CommandError, EXIT, Terminal } from './terminal.js'

const stopped = new AbortController()
const terminal = new Terminal({
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  clock: WAITING_CLOCK,
})
let exitCode: number = EXIT.ok
let isServer = false

process.stdout.on('error', () => process.exit(EXIT.ok)) // who read us has gone: parley top | head
const program = parleyProgram({
  terminal,
  environment: process.env,
  stopped: stopped.signal,
  exitWith: (code) => {
    exitCode = code
  },
  keepRunning: () => {
    isServer = true
  },
})
for (const command of [program, ...program.commands, ...program.commands.flatMap((each) => each.commands)]) {
  command.exitOverride()
}
const interrupt = () => {
  if (stopped.signal.aborted) process.exit(130)
  stopped.abort()
}
process.on('SIGINT', interrupt)

try {
  await program.parseAsync()
} catch (error) {
  exitCode = failure(error)
}
if (!isServer || exitCode !== EXIT.ok) process.exit(exitCode)
process.off('SIGINT', interrupt) // the supervisor has its own

/** Says what is wrong; Commander has said its own. */
function failure(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok
    if (process.argv.includes('--json')) terminal.json({ ok: false, error: error.message, exitCode: EXIT.usage })
    return EXIT.usage
  }
  if (error instanceof ConfigError || error instanceof CommandError) {
    const code = error instanceof CommandError ? error.exitCode : EXIT.config
    if (process.argv.includes('--json')) terminal.json({ ok: false, error: error.message, exitCode: code })
    else for (const line of error.message.split('\n')) terminal.note(`${terminal.style('red', 'parley:')} ${line}`)
    return code
  }
  terminal.note(`parley: a bug, please report it: ${error instanceof Error ? error.stack : error}`)
  return EXIT.failed
}
