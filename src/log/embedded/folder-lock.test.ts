import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, test } from 'vitest'
import { lockFolder } from './folder-lock.js'

const root = mkdtempSync(join(tmpdir(), 'parley-lock-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

test('a folder has one holder at a time', async () => {
  const folder = folderNamed('one')
  const first = await lockFolder(folder)
  await rejects(lockFolder(folder), { name: 'UnavailableError', message: /another process has it/ })
  await rejects(lockFolder(folder), /another process has it/)
  await first[Symbol.asyncDispose]()
  deepEqual(readdirSync(folder), [])
  await using again = await lockFolder(folder)
  ok(again)
})

test('a holder that was killed leaves a name that does not block', async () => {
  const folder = folderNamed('killed')
  const holder = await holdInAnotherProcess(folder)
  await rejects(lockFolder(folder), /another process has it/)
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  equal(readdirSync(folder).length, 1, 'nobody tidied up')
  await using lock = await lockFolder(folder)
  ok(lock)
  equal(readdirSync(folder).length, 1)
})

test('a holder that is stopped still has the folder', async () => {
  const folder = folderNamed('stopped')
  const holder = await holdInAnotherProcess(folder)
  holder.kill('SIGSTOP')
  await rejects(lockFolder(folder), /another process has it/)
  holder.kill('SIGKILL')
  await once(holder, 'exit')
})

test('of many that start at once at most one gets the folder', async () => {
  const folder = folderNamed('race')
  for (let round = 0; round < 20; round++) {
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => lockFolder(folder)))
    const held = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    ok(held.length <= 1)
    for (const lock of held) await lock[Symbol.asyncDispose]()
  }
  await using lock = await lockFolder(folder)
  ok(lock)
})

test('a path longer than a socket name may be', async () => {
  const folder = folderNamed('deep/'.repeat(40))
  await using lock = await lockFolder(folder)
  ok(lock)
  await rejects(lockFolder(folder), /another process has it/)
})

test('a folder that does not exist is named', async () => {
  const error = await lockFolder(join(root, 'absent')).catch((cause: Error) => cause)
  match(String(error), /absent/)
})

function folderNamed(name: string): string {
  const folder = join(root, name)
  mkdirSync(folder, { recursive: true })
  return folder
}

/** What a holder looks like from outside: a process that listens on a name of the right form. */
async function holdInAnotherProcess(folder: string): Promise<ChildProcess> {
  const path = join(folder, 'lock-0123456789abcdef.sock')
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('held'))`
  const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(holder.stdout!, 'data')
  return holder
}
