import { deepEqual, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { test } from 'vitest'
import { SYSTEM_CLOCK } from '../std/clock.js'
import { parleyProgram } from './program.js'
import { EXIT, Terminal } from './terminal.js'

const silent = { write: () => true }
const program = parleyProgram({
  terminal: new Terminal({ stdout: silent, stderr: silent, environment: {}, clock: SYSTEM_CLOCK }),
  environment: {},
  stopped: new AbortController().signal,
  exitWith() {},
  keepRunning() {},
})
const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')

/** Commands that do something, with their path. */
function leaves(command: Command, path: readonly string[] = []): { name: string; command: Command }[] {
  if (command.commands.length === 0) return [{ name: path.join(' '), command }]
  return command.commands.flatMap((each) => leaves(each, [...path, each.name()]))
}

test('every command answers in JSON where asked; bench passes its options on and has one of its own', () => {
  const without = leaves(program).filter(({ command }) => !command.options.some(({ long }) => long === '--json'))
  deepEqual(
    without.map(({ name }) => name),
    ['bench'],
  )
})

test('docs/operations.md names every command and every exit code', () => {
  for (const command of program.commands) ok(page.includes(`\`parley ${command.name()}`), command.name())
  for (const code of Object.values(EXIT)) ok(new RegExp(`^\\| ${code} \\| `, 'm').test(page), `${code}`)
})
