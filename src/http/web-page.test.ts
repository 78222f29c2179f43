import { deepEqual, equal, match, notEqual, throws } from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'vitest'
import { readWebPage } from './web-page.js'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-page-'))
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html>')
  writeFileSync(join(folder, 'icon.svg'), '<svg/>')
  writeFileSync(join(folder, 'assets', 'index-abc.js'), 'let x')
})

afterEach(() => rmSync(folder, { recursive: true }))

function get(path: string, headers: Record<string, string> = {}) {
  return readWebPage(folder)!({ path, headers: new Map(Object.entries(headers)) })
}

test('the page is at / and may load nothing from elsewhere; browsers ask for it each time', () => {
  const page = get('/')!
  equal(page.status, 200)
  equal(page.contentType, 'text/html; charset=utf-8')
  equal(Buffer.from(page.body).toString(), '<!doctype html>')
  equal(page.headers!['cache-control'], 'no-cache')
  const policy = page.headers!['content-security-policy']!
  match(policy, /^default-src 'none'; script-src 'self';/)
  equal(/unsafe|\*|https?:|data:/.test(policy), false)
})

test('a file that is named after its content is kept for good', () => {
  const script = get('/assets/index-abc.js')!
  equal(script.contentType, 'text/javascript; charset=utf-8')
  equal(script.headers!['cache-control'], 'public, max-age=31536000, immutable')
  equal(get('/icon.svg')!.contentType, 'image/svg+xml')
})

test('an unchanged file is not sent again, a changed one is', () => {
  const { etag } = get('/')!.headers as { etag: string }
  const same = get('/', { 'if-none-match': etag })!
  deepEqual([same.status, same.body, same.headers!['etag']], [304, '', etag])
  equal(get('/', { 'if-none-match': '"another"' })!.status, 200)
  writeFileSync(join(folder, 'index.html'), '<!doctype html><p>')
  notEqual(get('/', { 'if-none-match': etag })!.headers!['etag'], etag)
})

test('nothing else is answered, whatever the path looks like', () => {
  for (const path of [
    '/index.html',
    '/assets',
    '/assets/',
    '/../package.json',
    '/assets/../index.html',
    '/%2e%2e/x',
    '',
  ]) {
    equal(get(path), undefined, path)
  }
})

test('a page that was not built is none, and a file of unknown type is a mistake of the build', () => {
  equal(readWebPage(join(folder, 'absent')), undefined)
  writeFileSync(join(folder, 'notes.exe'), '')
  throws(() => readWebPage(folder), /no content type is known for it/)
})
