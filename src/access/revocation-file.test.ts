import { deepEqual, equal, rejects } from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { SmallDisk } from '../../test/support/small-disk.js'
import type { AppId, UserId } from '../domain/ids.js'
import { RevocationFile } from './revocation-file.js'

const somewhere = () => join(mkdtempSync(join(tmpdir(), 'parley-revocations-')), 'revocations')
const of = (user: string | undefined, issuedBefore: number) => ({
  app: 'shop' as AppId,
  ...(user !== undefined && { user: user as UserId }),
  issuedBefore,
})

async function contentsOf(path: string) {
  await using file = await RevocationFile.open(path)
  return [...file.revocations.all()]
}

test('what was appended is there after opening again, the newest per user, without what an app as a whole covers', async () => {
  const path = somewhere()
  {
    await using file = await RevocationFile.open(path)
    const outcomes = [of('alice', 5), of('bob', 9), of('alice', 7), of('alice', 6)].map((line) => file.append(line))
    await Promise.all(outcomes)
  }
  deepEqual(await contentsOf(path), [of('alice', 7), of('bob', 9)])
  {
    await using file = await RevocationFile.open(path)
    await file.append(of(undefined, 8))
  }
  deepEqual(await contentsOf(path), [of(undefined, 8), of('bob', 9)])
  equal(readFileSync(path, 'utf8').split('\n').length, 3)
})

test('a last line that is none was never confirmed; any other stops the start and says what to do', async () => {
  const path = somewhere()
  {
    await using file = await RevocationFile.open(path)
    await file.append(of('alice', 5))
    await file.append(of('bob', 6))
  }
  const whole = readFileSync(path, 'utf8')
  const [alice] = whole.split('\n') as [string, string]
  for (const torn of ['{"app":"shop","user":"ca', '\0\0\0\0', '\0\0\0\0}\n', `${alice.replace('5', '4')}\n`]) {
    writeFileSync(path, whole + torn)
    {
      await using file = await RevocationFile.open(path)
      deepEqual([file.wasCut, [...file.revocations.all()]], [true, [of('alice', 5), of('bob', 6)]], torn)
    }
    await using again = await RevocationFile.open(path)
    equal(again.wasCut, false)
  }
  writeFileSync(path, whole.replace('5', '4'))
  await rejects(contentsOf(path), /line 1 is no revocation; take it out, and revoke again whom it was of/)
})

test('lines without a CRC, as the first builds wrote them, are read', async () => {
  const path = somewhere()
  writeFileSync(path, '{"app":"shop","user":"alice","issuedBefore":5}\n{"app":"shop","issuedBefore":"5"}\n')
  deepEqual(await contentsOf(path), [of('alice', 5)])
})

const title = 'a revocation that a full disk did not take holds meanwhile, and is stored with the next that it takes'
if (SmallDisk.canMount) test(title, diskIsFull)
else test.skip(`${title} (missing: the right to mount)`)

async function diskIsFull(): Promise<void> {
  using disk = new SmallDisk(2)
  const path = join(disk.path, 'revocations')
  {
    await using file = await RevocationFile.open(path)
    for (let n = 0; n < 60; n++) await file.append(of(`user ${n}`, 5)) // to the end of a block, nearly
    disk.fill('ballast', Number.POSITIVE_INFINITY)
    const failing = Array.from({ length: 200 }, (_, n) => file.append(of(`late ${n}`, 5)))
    const outcomes = await Promise.allSettled(failing)
    equal(outcomes.at(-1)!.status, 'rejected')
    equal(file.revocations.covers('shop' as AppId, 'late 199' as UserId, 4), true)
    disk.remove('ballast')
    await file.append(of('late 199', 5))
  }
  equal((await contentsOf(path)).length, 260)
}
