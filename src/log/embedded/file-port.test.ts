import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, test } from 'vitest'
import { openNodeFolder, refusalOf, WriteError } from './file-port.js'

const root = mkdtempSync(join(tmpdir(), 'parley-files-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

test('many parts are written one after another, more than one system call takes', async () => {
  const folder = openNodeFolder(join(root, 'made', 'on', 'the', 'way'))
  const parts = Array.from({ length: 3_000 }, (_, index) => Uint8Array.of(index & 0xff, index >> 8, 7))
  const file = folder.create('parts')
  file.write(parts, 5)
  await file.sync()
  await folder.sync()
  equal(file.size(), 5 + 9_000)
  const read = new Uint8Array(10_000)
  equal(await file.read(read, 5), 9_000)
  deepEqual(read.subarray(0, 9_000), new Uint8Array(Buffer.concat(parts)))
  equal(await file.read(read, 20_000), 0)
  file.close()
})

test('an open file follows its new name, and a taken name is not made again', async () => {
  const folder = openNodeFolder(root)
  const file = folder.create('before')
  folder.rename('before', 'after')
  file.write([Uint8Array.of(1, 2, 3)], 0)
  file.close()
  equal(folder.openToRead('after').size(), 3)
  throws(() => folder.create('after'), { code: 'EEXIST' })
  folder.unlink('after')
  ok(!folder.names().includes('after'))
  throws(() => folder.openToRead('after'), { code: 'ENOENT' })
})

test('a write that fails says how much was taken, and what that means', () => {
  const folder = openNodeFolder(root)
  folder.create('read-only').close()
  const file = folder.openToRead('read-only')
  const writes = [[Uint8Array.of(1)], [Uint8Array.of(1), Uint8Array.of(2)]].map((parts) => () => file.write(parts, 0))
  for (const write of writes) {
    throws(write, (error) => error instanceof WriteError && error.taken === 0 && refusalOf(error) === 'read-only')
  }
  equal(refusalOf(new WriteError(0, { code: 'ENOSPC' })), 'full')
})
