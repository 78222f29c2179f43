import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { Terminal } from './terminal.js'

function terminalOf(environment: NodeJS.ProcessEnv, isTTY: boolean) {
  const notes: string[] = []
  const clock = new ManualClock()
  const stderr = { write: (text: string) => notes.push(text.trimEnd()) }
  return { clock, notes, terminal: new Terminal({ stdout: { write() {}, isTTY }, stderr, environment, clock }) }
}

test('colours are for terminals, and NO_COLOR turns them off', () => {
  equal(terminalOf({}, true).terminal.style('red', 'x'), '\x1b[31mx\x1b[0m')
  equal(terminalOf({ NO_COLOR: '' }, true).terminal.style('red', 'x'), '\x1b[31mx\x1b[0m')
  equal(terminalOf({ NO_COLOR: '1' }, true).terminal.style('red', 'x'), 'x')
  equal(terminalOf({}, false).terminal.style('red', 'x'), 'x')
})

test('what takes longer than two seconds says so every second, and what is quick says nothing', async () => {
  const { clock, notes, terminal } = terminalOf({}, false)
  let finish = () => {}
  const running = terminal.progress('copying', new Promise<void>((resolve) => (finish = resolve)))
  clock.advance(1_999)
  deepEqual(notes, [])
  clock.advance(1)
  clock.advance(1_000)
  deepEqual(notes, ['copying… 2 s', 'copying… 3 s'])
  finish()
  await running
  clock.advance(5_000)
  equal(notes.length, 2)
})
