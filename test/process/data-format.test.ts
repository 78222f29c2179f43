/**
 * Data folders of earlier disk formats, one of each: a build either serves from it, losing nothing, or refuses it with
 * code 78 and says what to do. A new format version needs a fixture of its own: UPDATE=1 npx vitest run data-format
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, test } from 'vitest'
import { DATA_FORMAT, UNRESTORED } from '../../src/data-folder.js'
import { ActorKind } from '../../src/domain/ids.js'
import { encodeContent } from '../../src/protocol/content.js'
import { ChangeAction } from '../../src/protocol/wire-numbers.js'
import { EmbeddedMessageStore } from '../../src/storage/embedded/message-store.js'
import { ChatClient } from '../support/chat-client.js'
import { parley } from '../support/command-line.js'
import { ServerProcess } from '../support/server-process.js'

const FIXTURES = new URL('../fixtures/', import.meta.url).pathname
const NAME = /^data-format-(\d+)\.json\.gz$/
const PACKED_BYTES_MAX = 200_000
const MESSAGES = 30
const GROUP = { conversationKind: ActorKind.group, conversation: 'kitchen' } as const

const root = mkdtempSync(join(tmpdir(), 'parley-format-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

if (process.env.UPDATE === '1' && !existsSync(pathOf(DATA_FORMAT.formatVersion))) await make()

test('the present disk format has a fixture, which is small, and a line in docs/versions.md', () => {
  const page = readFileSync(new URL('../../docs/versions.md', import.meta.url), 'utf8')
  match(page, new RegExp(`^\\| ${DATA_FORMAT.formatVersion} \\| `, 'm'))
  const path = pathOf(DATA_FORMAT.formatVersion)
  ok(existsSync(path), `${path} is missing; make it with UPDATE=1`)
  for (const name of readdirSync(FIXTURES).filter((each) => NAME.test(each))) {
    ok(readFileSync(join(FIXTURES, name)).length < PACKED_BYTES_MAX, name)
  }
})

for (const format of formats()) {
  test(`a data folder of disk format ${format} is served whole, or refused with what to do`, async () => {
    const dataFolder = unpack(format)
    await using server = ServerProcess.begin({ dataFolder })
    if (format !== DATA_FORMAT.formatVersion && (await isRefused(server))) {
      match(server.stderr, new RegExp(`holds data of disk format ${format}; this build .*: install the Parley that`))
      return
    }
    await server.serving(1)
    const alice = await ChatClient.open({ port: server.port, user: 'alice', device: 'phone' })
    deepEqual(await alice.seqsWith('bob'), numbers(MESSAGES))
    deepEqual(
      alice.events.map(textOf),
      numbers(MESSAGES).map((n) => `message ${n}`),
    )
    equal((await alice.send('bob', MESSAGES, `message ${MESSAGES}`)).kind, 'ack', 'a resend in the same lane')
    equal((await alice.send('bob', MESSAGES + 1, 'of today')).kind, 'ack')
    const bob = await ChatClient.open({ port: server.port, user: 'bob' })
    deepEqual(await bob.seqsWith('alice'), numbers(MESSAGES + 1))
    const range = { mode: 0, anchor: 0, limit: 200, minSeq: 0 } as const
    bob.events.length = 0
    const end = await bob.ask((ref) => ({ kind: 'history', ref, ...GROUP, ...range }))
    deepEqual([end.kind, bob.events.map(textOf)], ['history-end', ['', 'soup']])
  })
}

test('data of a newer format than this build knows is refused with what to do', async () => {
  const dataFolder = unpack(DATA_FORMAT.formatVersion)
  {
    await using store = EmbeddedMessageStore.open(join(dataFolder, 'store'))
    await store.writeMeta({ ...DATA_FORMAT, formatVersion: 99 })
  }
  await using server = ServerProcess.begin({ dataFolder })
  deepEqual(await server.ended, { code: 78, signal: null })
  match(server.stderr, /holds data of disk format 99; .*: install the newer Parley that wrote it; there is no way back/)
})

async function isRefused(server: ServerProcess): Promise<boolean> {
  const serving = server.serving(1).then(
    () => undefined,
    () => undefined,
  )
  const ended = await Promise.race([server.ended, serving])
  return ended?.code === 78
}

function formats(): number[] {
  return readdirSync(FIXTURES).flatMap((name) => (NAME.test(name) ? [Number(NAME.exec(name)![1])] : []))
}

function pathOf(format: number): string {
  return join(FIXTURES, `data-format-${format}.json.gz`)
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

function textOf({ content }: { readonly content?: Uint8Array | undefined }): string {
  return /message \d+|soup/.exec(Buffer.from(content ?? []).toString('latin1'))?.[0] ?? ''
}

function unpack(format: number): string {
  const folder = mkdtempSync(join(root, `of-${format}-`))
  const files = JSON.parse(gunzipSync(readFileSync(pathOf(format))).toString()) as Record<string, string>
  for (const [path, base64] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), Buffer.from(base64, 'base64'))
  }
  return folder
}

/** The data folder of a server that was in use: what its backup holds. */
async function make(): Promise<void> {
  await using server = await ServerProcess.start()
  const alice = await ChatClient.open({ port: server.port, user: 'alice', device: 'phone' })
  for (const n of numbers(MESSAGES)) await alice.send('bob', n, `message ${n}`)
  await alice.ask((ref) => ({ kind: 'change', ref, n: 1, ...GROUP, action: ChangeAction.create, users: ['bob'] }))
  const content = encodeContent({ messageId: 99n, body: Buffer.from('soup') })
  await alice.ask((ref) => ({ kind: 'send', ref, n: 2, ...GROUP, content }))
  const backup = join(root, 'made')
  equal((await parley(['backup', backup, '--data', server.dataFolder], { folder: root })).code, 0)
  const paths = readdirSync(backup, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ![UNRESTORED, 'backup.json', 'lock.mdb', 'secret'].includes(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(backup.length + 1))
  const files = Object.fromEntries(paths.map((path) => [path, readFileSync(join(backup, path)).toString('base64')]))
  writeFileSync(pathOf(DATA_FORMAT.formatVersion), gzipSync(JSON.stringify(files), { level: 9 }))
}
