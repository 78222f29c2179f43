import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import { buildSync } from 'esbuild'
import { open } from 'lmdb'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { actorsOf, cutsOf, SHARDS_PER_WRITER } from '../../../test/conformance/checkpoint-writer.js'
import { at, block, checkpoint, seqs, timeline, write } from '../../../test/conformance/checkpoints.js'
import { messageStoreConformance } from '../../../test/conformance/message-store.js'
import { CorruptionError, UnavailableError } from '../../domain/errors.js'
import { ActorKind, actorKey, type ShardId } from '../../domain/ids.js'
import { EmbeddedMessageStore } from './message-store.js'
import { ActorKeys, META_KEY, snapshotKey } from './records.js'

/** In dist/, so that the bundle finds node_modules. */
const WRITER = 'dist/test/checkpoint-writer.mjs'
const SHARD = 0 as ShardId
const CONVERSATION = actorKey('app', ActorKind.group, 'c9')

const root = mkdtempSync(join(tmpdir(), 'parley-store-'))
let foldersUsed = 0
const freshFolder = () => join(root, `${foldersUsed++}`)

beforeAll(() => {
  buildSync({
    entryPoints: ['test/conformance/checkpoint-writer.ts'],
    outfile: WRITER,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
  })
})
afterAll(() => rmSync(root, { recursive: true }))

messageStoreConformance('LMDB', async () => EmbeddedMessageStore.open(join(root, 'conformance')))

describe('the embedded message store', () => {
  test('two threads write one folder at once, and both are read', async () => {
    const folder = freshFolder()
    await using store = EmbeddedMessageStore.open(folder)
    const batches = 40
    const worker = new Worker(join(process.cwd(), WRITER), { workerData: [folder, 0, batches] })
    const words: string[] = []
    worker.on('message', (word) => words.push(word))
    const exited = new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))
    for (let batch = 1; batch <= batches; batch++) await store.store(cutsOf(SHARDS_PER_WRITER, batch))
    await exited
    equal(words.filter((word) => word.startsWith('stored')).length, batches)
    equal(words.at(-1), 'done')
    await holdsExactly(store, 0, batches)
    await holdsExactly(store, SHARDS_PER_WRITER, batches)
  })

  test('after kill -9 everything that resolved is there, and each cut is there whole or not at all', async () => {
    const folder = freshFolder()
    let before = 0
    for (const linesBeforeTheKill of [1, 7, 23, 40]) {
      const child = writerProcess(folder, 1_000_000)
      const last = await killedAfter(child, linesBeforeTheKill)
      await using store = EmbeddedMessageStore.open(folder)
      const found = (await store.snapshot(SHARD))!.position.batchNo
      ok(found >= last && last > before, `resolved ${last}, found ${found}, before ${before}`)
      await holdsExactly(store, 0, found)
      before = found
    }
  })

  const canMount = spawnSync('unshare', ['-rm', 'true']).status === 0

  test.runIf(canMount)('a full disk refuses checkpoints and goes on reading', async () => {
    const folder = freshFolder()
    mkdirSync(folder)
    // 64 MiB of it stay free.
    const words = wordsOf(inOwnMounts(`mount -t tmpfs -o size=65m none "${folder}"`), writerCommand(folder, 300))
    const stored = words.filter((word) => word.startsWith('stored')).length
    ok(stored > 0 && words.at(-3) === 'failed UnavailableError', words.join(', '))
    deepEqual(words.slice(-2), [`read ${stored}`, 'done'])
  })

  test.runIf(canMount)('a read-only disk refuses checkpoints and goes on reading', async () => {
    const folder = freshFolder()
    {
      await using store = EmbeddedMessageStore.open(folder)
      await store.store(cutsOf(0, 1))
    }
    const lock = `mount --bind "${folder}" "${folder}" && mount -o remount,ro,bind "${folder}"`
    const words = wordsOf(inOwnMounts(lock), writerCommand(folder, 2))
    deepEqual(words, ['failed UnavailableError', 'failed UnavailableError', 'read 1', 'done'])
  })

  test('what cannot be decoded is corruption, and the message names the key', async () => {
    const folder = freshFolder()
    await using store = EmbeddedMessageStore.open(folder)
    const keys = new ActorKeys(CONVERSATION)
    await store.store([checkpoint(SHARD, at(1), [write(CONVERSATION, 'row', { blocks: [block(1, 9)] })])])
    await overwrite(folder, keys.row(), (bytes) => (bytes[bytes.length - 1]! ^= 1))
    await rejects(store.readActor(CONVERSATION), corruptionAt(/c9/))
    await overwrite(folder, snapshotKey(SHARD), (bytes) => (bytes[0]! ^= 1))
    await rejects(store.snapshot(SHARD), corruptionAt(/shard 0/))
    await rejects(store.store([checkpoint(SHARD, at(2), [])]), CorruptionError)
    await overwrite(folder, META_KEY, (bytes) => bytes.fill(0))
    await rejects(store.readMeta(), corruptionAt(/facts/))
    for (const size of [0, 3, 47, 9 * 48 - 1, 9 * 48 + 1, 9 * 48 + 48]) {
      await overwrite(folder, keys.block(1, 9), () => Buffer.concat([block(1, 9).events, Buffer.alloc(48)], size))
      await rejects(timeline(store, CONVERSATION, 1, 20), corruptionAt(/c9.*1…9/))
    }
  })

  test('a page without its row is corruption', async () => {
    const folder = freshFolder()
    await using store = EmbeddedMessageStore.open(folder)
    await overwrite(folder, new ActorKeys(CONVERSATION).page(3), () => Buffer.from('page'))
    await rejects(store.readActor(CONVERSATION), corruptionAt(/c9/))
  })

  test('a file that is no store is not opened', () => {
    const folder = freshFolder()
    EmbeddedMessageStore.open(folder)[Symbol.asyncDispose]()
    const other = freshFolder()
    mkdirSync(other)
    writeFileSync(join(other, 'data.mdb'), Buffer.alloc(20_000, 1))
    throws(() => EmbeddedMessageStore.open(other), CorruptionError)
    throws(() => EmbeddedMessageStore.open(join(other, 'data.mdb', 'below a file')), UnavailableError)
  })
})

/** Each actor of the writer's shards is exactly at `batch`: LMDB's cuts are atomic, not only their actors. */
async function holdsExactly(store: EmbeddedMessageStore, firstShard: number, batch: number): Promise<void> {
  for (let shard = firstShard; shard < firstShard + SHARDS_PER_WRITER; shard++) {
    deepEqual((await store.snapshot(shard as ShardId))?.position, at(batch))
    for (const key of actorsOf(shard)) {
      const actor = await store.readActor(key)
      deepEqual(actor?.position, at(batch))
      for (const [number, page] of actor.pages) {
        const written = batch - ((batch - number + 4) % 4)
        ok(
          page.every((byte) => byte === (written & 0xff)),
          `page ${number} at batch ${batch}`,
        )
      }
      deepEqual(await timeline(store, key, 1, Number.MAX_SAFE_INTEGER), seqs(1, batch))
    }
  }
}

function writerCommand(folder: string, batches: number): string[] {
  return [process.execPath, WRITER, folder, '0', `${batches}`]
}

function writerProcess(folder: string, batches: number): ChildProcess {
  const [command, ...args] = writerCommand(folder, batches)
  return spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Runs what follows where `mount` is ours alone and gone afterwards. */
function inOwnMounts(mount: string): string[] {
  return ['unshare', '-rm', 'sh', '-c', `${mount} && exec "$0" "$@"`]
}

function wordsOf(wrapper: readonly string[], command: readonly string[]): string[] {
  const [program, ...args] = [...wrapper, ...command]
  const { stdout } = spawnSync(program!, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' })
  return stdout.trim().split('\n')
}

/** Kills the child in the middle of whatever it does after `lines` lines; resolves with the last batch it said. */
async function killedAfter(child: ChildProcess, lines: number): Promise<number> {
  const exited = new Promise((resolve) => child.on('close', resolve))
  let seen = 0
  let last = 0
  for await (const line of createInterface({ input: child.stdout! })) {
    if (/^stored \d+$/.test(line)) last = Number(line.split(' ')[1])
    if (++seen === lines) setTimeout(() => child.kill('SIGKILL'), Math.random() * 10)
  }
  await exited
  return last
}

/** Changes one value behind the store's back. */
async function overwrite(folder: string, key: Buffer, change: (bytes: Buffer) => Buffer | number): Promise<void> {
  const lmdb = open<Buffer, Buffer>({ path: folder, encoding: 'binary', keyEncoding: 'binary', overlappingSync: false })
  const bytes = Buffer.from(lmdb.getBinary(key) ?? [])
  const changed = change(bytes)
  await lmdb.put(key, typeof changed === 'number' ? bytes : changed)
  await lmdb.close()
}

function corruptionAt(name: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof CorruptionError && name.test(error.message)
}
