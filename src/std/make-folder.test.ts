import { equal, throws } from 'node:assert/strict'
import { existsSync, mkdtempSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { makeFolder } from './make-folder.js'

const empty = () => mkdtempSync(join(tmpdir(), 'parley-make-folder-'))

test('makes what is missing, and leaves what is there', () => {
  const path = join(empty(), 'a', 'b', 'c')
  makeFolder(path, { mode: 0o700 })
  equal(statSync(path).mode & 0o777, 0o700)
  makeFolder(path, { mode: 0o755 })
  equal(statSync(path).mode & 0o777, 0o700)
})

test('a file in the way, and a link that leads nowhere, are errors', () => {
  const folder = empty()
  writeFileSync(join(folder, 'file'), '')
  throws(() => makeFolder(join(folder, 'file')), { code: 'EEXIST' })
  throws(() => makeFolder(join(folder, 'file', 'a')), { code: 'ENOTDIR' })
  symlinkSync(join(folder, 'nowhere'), join(folder, 'link'))
  throws(() => makeFolder(join(folder, 'link')), { code: 'ENOENT' })
})

test.skipIf(!existsSync('/proc/self'))('a file system that makes no folders is an error, not a loop', () => {
  throws(() => makeFolder('/proc/parley'), { code: 'ENOENT' })
  throws(() => makeFolder('/proc/parley/log'), { code: 'ENOENT' })
})
