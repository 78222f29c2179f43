/** docs/guarantees.md and docs/architecture.md name files; here they are looked for, so that no promise rests on nothing. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FILE = /`([\w./-]+\/[\w.-]+\.(?:ts|mjs|md|fbs|json))`/g

/** Files named in backticks that are not there; `folder` is where the names begin. */
function missingFrom(text: string, folder: string): string[] {
  const named = [...text.matchAll(FILE)].map((hit) => hit[1]!)
  ok(named.length > 0, 'no file is named')
  return named.filter((path) => !existsSync(join(ROOT, folder, path)) && !existsSync(join(ROOT, path)))
}

function read(document: string): string {
  return readFileSync(join(ROOT, document), 'utf8')
}

test('docs/guarantees.md names only checks that exist', () => {
  deepEqual(missingFrom(read('docs/guarantees.md'), '.'), [])
})

test('every promise names at least one test that npm test runs, or a checker', () => {
  const promises = read('docs/guarantees.md')
    .split('\n')
    .filter((line) => /^\| \*\*\d\. /.test(line))
  deepEqual(
    promises.map((line) => Number(line.slice(4, 5))),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
  for (const line of promises) ok(/`[^`]+\.test\.ts`/.test(line), line)
})

test('docs/architecture.md names only files that exist', () => {
  deepEqual(missingFrom(read('docs/architecture.md'), 'src'), [])
})

test('a file that is not there is found out', () => {
  deepEqual(missingFrom('see `src/actors/gone.test.ts` and `src/node.ts`', '.'), ['src/actors/gone.test.ts'])
})

test('decisions are numbered once, and say their number', () => {
  const pages = readdirSync(join(ROOT, 'docs/adr'))
  equal(new Set(pages.map((page) => page.slice(0, 4))).size, pages.length)
  for (const page of pages) {
    ok(read(`docs/adr/${page}`).startsWith(`# ${Number(page.slice(0, 4))}. `), page)
  }
})

test('links between documents lead somewhere', () => {
  const pages = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))
  const others = ['README.md', 'README.zh.md', 'CHANGELOG.md', 'SECURITY.md']
  for (const document of [...others, ...pages.map((name) => `docs/${name}`)]) {
    const targets = [...read(document).matchAll(/\]\(([^)#:]+)\)/g)].map((hit) => join(ROOT, document, '..', hit[1]!))
    // bench/results/ begins with the first published run.
    deepEqual(
      targets.filter((path) => !existsSync(path) && !/bench\/results\/$/.test(path)),
      [],
      document,
    )
  }
})
