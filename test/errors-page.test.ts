/** docs/errors.md has every refusal, as src/domain/refusal.ts has it. UPDATE=1 writes the tables again. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { isAboutLane, isFinal, REFUSALS, type RefusalName } from '../src/domain/refusal.js'

const PAGE = new URL('../docs/errors.md', import.meta.url)
const CLASSES = [11, 12, 13, 14]

function tableOf(hundreds: number): string {
  const rows = (Object.keys(REFUSALS) as RefusalName[])
    .filter((name) => Math.floor(REFUSALS[name].wire / 100) === hundreds)
    .sort((a, b) => REFUSALS[a].wire - REFUSALS[b].wire)
    .map((name) => {
      const { wire, advice } = REFUSALS[name]
      const n = isFinal(name) && !isAboutLane(name) ? 'used up' : 'kept'
      return `| ${wire} | \`${name}\` | ${advice} | ${n} |\n`
    })
  return `\n| code | name | what to do | n |\n| --- | --- | --- | --- |\n${rows.join('')}`
}

function markers(hundreds: number): [string, string] {
  return [`<!-- ${hundreds}xx -->`, `<!-- end ${hundreds}xx -->`]
}

if (process.env.UPDATE === '1') {
  let page = readFileSync(PAGE, 'utf8')
  for (const hundreds of CLASSES) {
    const [start, end] = markers(hundreds)
    page = page.slice(0, page.indexOf(start) + start.length) + tableOf(hundreds) + page.slice(page.indexOf(end))
  }
  writeFileSync(PAGE, page)
}

test('every refusal stands in its table, and nothing else does', () => {
  const page = readFileSync(PAGE, 'utf8')
  for (const hundreds of CLASSES) {
    const [start, end] = markers(hundreds)
    ok(page.includes(start) && page.includes(end), start)
    equal(page.slice(page.indexOf(start) + start.length, page.indexOf(end)), tableOf(hundreds))
  }
  const known = CLASSES.flatMap((hundreds) => tableOf(hundreds).match(/^\| \d{4} /gm) ?? [])
  deepEqual(known.length, Object.keys(REFUSALS).length)
})
