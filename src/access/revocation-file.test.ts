import { deepEqual, equal, rejects } from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
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
    deepEqual(await Promise.all(outcomes), ['stored', 'stored', 'stored', 'known'])
  }
  deepEqual(await contentsOf(path), [of('alice', 7), of('bob', 9)])
  {
    await using file = await RevocationFile.open(path)
    equal(await file.append(of(undefined, 8)), 'stored')
  }
  deepEqual(await contentsOf(path), [of(undefined, 8), of('bob', 9)])
  equal(readFileSync(path, 'utf8').split('\n').length, 3)
})

test('a last line that was cut short was never confirmed; any other bad line stops the start', async () => {
  const path = somewhere()
  {
    await using file = await RevocationFile.open(path)
    await file.append(of('alice', 5))
  }
  appendFileSync(path, '{"app":"shop","user":"bo')
  deepEqual(await contentsOf(path), [of('alice', 5)])
  writeFileSync(path, '{"app":"shop","issuedBefore":"5"}\n')
  await rejects(contentsOf(path), /line 1 is no revocation/)
})
