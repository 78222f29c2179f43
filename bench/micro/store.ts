/**
 * The embedded message store under a busy projector: every 50 ms one flush of 100 conversations, each with a row of
 * 100 bytes, two pages of 1–20 KB and a block of 100 events of 300 bytes — about 30,000 messages a flush.
 *
 * Prints what decides: microseconds of the calling thread per put, and CPU of the whole process (LMDB's thread too) per
 * megabyte stored. Beside them how long a flush takes to be durable, the longest that the calling thread was busy in one
 * call, and a digest of what is read back: if that moves, behaviour changed, not speed.
 *
 *   npx tsx bench/micro/store.ts [flushes]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import { type ActorKey, ActorKind, actorKey, type ShardId } from '../../src/domain/ids.js'
import { seededRandom } from '../../src/std/random.js'
import { EmbeddedMessageStore } from '../../src/storage/embedded/message-store.js'
import type { ActorWrite } from '../../src/storage/message-store.js'

const CONVERSATIONS_PER_FLUSH = 100
const PAGES_PER_ROW = 2
const PAGES_PER_ACTOR = 8
const EVENTS_PER_BLOCK = 100
const EVENT_SIZE = 300
const SHARDS = 64
const PUTS_PER_FLUSH = CONVERSATIONS_PER_FLUSH * (1 + PAGES_PER_ROW + 1) + 1

export interface StoreLoad {
  readonly flushes: number
  readonly conversations: number
  /** Milliseconds from the start of one flush to the start of the next; 0: one after another. */
  readonly everyMs: number
}

export const CANONICAL: StoreLoad = { flushes: 400, conversations: 20_000, everyMs: 50 }

export interface StoreFigures {
  readonly callerUsPerPut: number
  readonly cpuMsPerMB: number
  readonly durableMsP50: number
  readonly durableMsP99: number
  readonly callerMsMax: number
  readonly storedMB: number
  readonly fileMB: number
  readonly readUsPer50: number
  readonly digest: string
}

export async function measureStore(load: StoreLoad): Promise<StoreFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-store-'))
  try {
    await using store = EmbeddedMessageStore.open(folder)
    return await measure(store, load, join(folder, 'data.mdb'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function measure(store: EmbeddedMessageStore, load: StoreLoad, file: string): Promise<StoreFigures> {
  const { conversations } = load
  const random = seededRandom(8817)
  const heads = new Float64Array(conversations)
  const pageBytes = Buffer.alloc(20_000, 7)
  const durableMs: number[] = []
  let callerMs = 0
  let callerMsMax = 0
  let storedBytes = 0
  let cpuMs = 0

  for (let flush = 1; flush <= load.flushes; flush++) {
    const writes = Array.from({ length: Math.min(CONVERSATIONS_PER_FLUSH, conversations) }, (_, index): ActorWrite => {
      // Distinct within a flush, scattered over all.
      const which = (random.uint32() % Math.ceil(conversations / 100)) * 100 + index
      const conversation = which % conversations
      const firstSeq = heads[conversation]! + 1
      const lastSeq = (heads[conversation]! += EVENTS_PER_BLOCK)
      const pages = new Map<number, Uint8Array>()
      for (let page = 0; page < PAGES_PER_ROW; page++) {
        const size = 1_000 + (random.uint32() % 19_000)
        pages.set((flush + page) % PAGES_PER_ACTOR, pageBytes.subarray(0, size))
        storedBytes += size
      }
      storedBytes += 100 + EVENTS_PER_BLOCK * (EVENT_SIZE + 4)
      const events = blockOf(firstSeq)
      return {
        key: keyOf(conversation),
        row: pageBytes.subarray(0, 100),
        pages,
        blocks: [{ firstSeq, lastSeq, events }],
      }
    })
    const position = { logIncarnation: 1, batchNo: flush, index: 0 }
    const checkpoint = {
      shard: (flush % SHARDS) as ShardId,
      snapshot: { position, epoch: 1, chain: 1, tail: flush },
      writes,
    }
    const cpuBefore = process.cpuUsage()
    const startedAt = performance.now()
    const stored = store.store([checkpoint])
    const calledMs = performance.now() - startedAt
    await stored
    const tookMs = performance.now() - startedAt
    const cpu = process.cpuUsage(cpuBefore)
    cpuMs += (cpu.user + cpu.system) / 1_000
    durableMs.push(tookMs)
    callerMs += calledMs
    callerMsMax = Math.max(callerMsMax, calledMs)
    if (load.everyMs > tookMs) await new Promise((resolve) => setTimeout(resolve, load.everyMs - tookMs))
  }

  durableMs.sort((a, b) => a - b)
  const read = await readBack(store, heads)
  return {
    callerUsPerPut: (callerMs * 1_000) / (load.flushes * PUTS_PER_FLUSH),
    cpuMsPerMB: cpuMs / (storedBytes / 1e6),
    durableMsP50: durableMs[durableMs.length >> 1]!,
    durableMsP99: durableMs[Math.floor(durableMs.length * 0.99)]!,
    callerMsMax,
    storedMB: storedBytes / 1e6,
    fileMB: statSync(file).size / 1e6,
    ...read,
  }
}

/** Latest 50 events of each conversation, timed; then everything, for the digest. */
async function readBack(store: EmbeddedMessageStore, heads: Float64Array) {
  const startedAt = performance.now()
  let reads = 0
  for (const [conversation, head] of heads.entries()) {
    if (head === 0) continue
    await store.readTimeline(keyOf(conversation), { from: head - 49, to: head, bytesMax: 1 << 20 })
    reads++
  }
  const readUsPer50 = ((performance.now() - startedAt) * 1_000) / reads
  let digest = 0
  for (const [conversation, head] of heads.entries()) {
    if (head === 0) continue
    const actor = await store.readActor(keyOf(conversation))
    for (const [number, page] of actor!.pages) digest = crc32(`${number}:${page.byteLength}`, digest)
    for (const event of await store.readTimeline(keyOf(conversation), { from: 1, to: head, bytesMax: 1 << 30 })) {
      digest = crc32(event, digest)
    }
  }
  return { readUsPer50, digest: digest.toString(16).padStart(8, '0') }
}

function blockOf(firstSeq: number): Buffer {
  const bytes = Buffer.alloc(EVENTS_PER_BLOCK * (EVENT_SIZE + 4), firstSeq & 0xff)
  for (let index = 0; index < EVENTS_PER_BLOCK; index++) {
    bytes.writeUInt32LE(EVENT_SIZE, index * (EVENT_SIZE + 4))
    bytes.writeDoubleLE(firstSeq + index, index * (EVENT_SIZE + 4) + 8)
  }
  return bytes
}

function keyOf(conversation: number): ActorKey {
  return actorKey('bench', ActorKind.group, `conversation-${conversation}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const flushes = Number(process.argv[2] ?? CANONICAL.flushes)
  const { digest, ...figures } = await measureStore({ ...CANONICAL, flushes })
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(16)} ${value.toFixed(2)}`)
  console.log(`digest           ${digest}`)
}
