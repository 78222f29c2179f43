import { deepEqual, equal, rejects } from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'vitest'
import { clientStorageConformance } from '../../../test/conformance/client-storage.js'
import { FileStorage } from './file-storage.js'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const locked = new Set<string>()

/** As far as one process goes; the real one is tried in test/process/client.test.ts. */
async function lock(folder: string): Promise<AsyncDisposable> {
  if (locked.has(folder)) throw new Error(`${folder} is in use`)
  locked.add(folder)
  return {
    async [Symbol.asyncDispose]() {
      locked.delete(folder)
    },
  }
}

function fileStorage(folder: string): FileStorage {
  return new FileStorage({ folder, lock })
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'parley-storage-'))
  folders.push(folder)
  return folder
}

clientStorageConformance('file', () => {
  const folder = newFolder()
  return { again: () => fileStorage(folder) }
})

test('a torn last line is as if it had never been written, at every length', async () => {
  const folder = newFolder()
  const storage = fileStorage(folder)
  await storage.open()
  await storage.write(new Map([['a', '1']]))
  await storage.write(new Map([['a', '2']]))
  await storage.close()
  const whole = readFileSync(logOf(folder), 'utf8')
  const lastLine = whole.lastIndexOf('\n', whole.length - 2) + 1
  for (let size = lastLine; size <= whole.length; size++) {
    const torn = newFolder()
    writeFileSync(join(torn, 'queue-1.log'), whole.slice(0, size))
    const reader = fileStorage(torn)
    equal((await reader.open()).get('a'), size === whole.length ? '2' : '1', `${size} bytes`)
    await reader.close()
  }
})

test('a bad line before the last one is reported, and what to do', async () => {
  const folder = newFolder()
  const storage = fileStorage(folder)
  await storage.open()
  await storage.write(new Map([['a', '1']]))
  await storage.close()
  const text = readFileSync(logOf(folder), 'utf8')
  writeFileSync(logOf(folder), text.replace('["a","1"]', '["a","9"]'))
  appendFileSync(logOf(folder), text)
  await rejects(fileStorage(folder).open(), /damaged in line 2: delete it to begin anew/)
})

test('a crash between two files leaves one that counts', async () => {
  const folder = newFolder()
  const storage = fileStorage(folder)
  await storage.open()
  await storage.write(new Map([['a', '1']]))
  await storage.close()
  writeFileSync(join(folder, 'queue-9.new'), 'half a fi')
  const reader = fileStorage(folder)
  deepEqual(await reader.open(), new Map([['a', '1']]))
  await reader.close()
})

function logOf(folder: string): string {
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.log'))!)
}
