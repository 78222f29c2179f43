import { equal, ok, throws } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'vitest'
import { INBOX_MUTANTS } from './inbox-mutants.js'
import { LARGE_MUTANTS } from './large-mutants.js'
import { patched } from './mutant.js'
import { SESSION_MUTANTS } from './session-mutants.js'
import { WAL_MUTANTS } from './wal-mutants.js'
import { WORLD_MUTANTS } from './world-mutants.js'

const ALL = [...WORLD_MUTANTS, ...INBOX_MUTANTS, ...LARGE_MUTANTS, ...SESSION_MUTANTS, ...WAL_MUTANTS]

test('every planted bug still has its place in the code', () => {
  for (const mutant of ALL) {
    for (const { file } of mutant.patches) {
      const source = readFileSync(file, 'utf8')
      ok(patched(mutant, file, source) !== source, mutant.name)
    }
  }
})

test('names are different', () => equal(new Set(ALL.map(({ name }) => name)).size, ALL.length))

test('a patch that finds nothing, or too much, is an error', () => {
  const mutant = { name: 'm', harness: 'worlds' as const, patches: [{ file: 'a.ts', find: 'x', replace: 'y' }] }
  equal(patched(mutant, 'a.ts', '1 x 2'), '1 y 2')
  throws(() => patched(mutant, 'a.ts', '1 2'), /0 times/)
  throws(() => patched(mutant, 'a.ts', 'x x'), /2 times/)
})
