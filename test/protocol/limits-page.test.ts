/** The table of docs/limits.md is domain/limits.ts, with its comments; `UPDATE=1` writes it anew. */
import { deepEqual, equal } from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'vitest'
import { LIMITS } from '../../src/domain/limits.js'

const ROOT = join(import.meta.dirname, '../..')
const PAGE = join(ROOT, 'docs/limits.md')
const OPEN = '<!-- limits: written by UPDATE=1 npx vitest run test/protocol -->\n'
const CLOSE = '<!-- end -->'

test('docs/limits.md shows every limit, as it is and with what is said of it', () => {
  const source = readFileSync(join(ROOT, 'src/domain/limits.ts'), 'utf8')
  const table = source.slice(source.indexOf('export const LIMITS'))
  const rows = [...table.matchAll(/(?: {2}\/\*\* ([\s\S]*?) \*\/\n)? {2}(\w+): [^\n]+,\n/g)].map(
    ([, said = '', name]) => {
      const meaning = said.replace(/\s*\n\s*\*\s+/g, ' ')
      return [
        name!,
        `| \`${name}\` | ${LIMITS[name as keyof typeof LIMITS].toLocaleString('en')} | ${meaning} |\n`,
      ] as const
    },
  )
  deepEqual(
    rows.map(([name]) => name),
    Object.keys(LIMITS),
  )
  const page = readFileSync(PAGE, 'utf8')
  const at = page.indexOf(OPEN) + OPEN.length
  const head = '| name | at most | meaning |\n| --- | --- | --- |\n'
  const fresh = page.slice(0, at) + head + rows.map(([, row]) => row).join('') + page.slice(page.indexOf(CLOSE, at))
  if (process.env['UPDATE'] === '1') writeFileSync(PAGE, fresh)
  else equal(page, fresh)
})
