/**
 * Stores checkpoint after checkpoint in an embedded message store and says which of them resolved: the process that
 * tests kill, starve of disk or lock out, and the other thread.
 *
 * As a process: `node checkpoint-writer.js <folder> <first shard> <batches>`, one line each. As a thread: the same three
 * as workerData, one message each. It says `stored <batch>`, `failed <error>`, `read <events>`, and at the end `done`.
 */
import { writeSync } from 'node:fs'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { type ActorKey, ActorKind, actorKey, type ShardId } from '../../src/domain/ids.js'
import { EmbeddedMessageStore } from '../../src/storage/embedded/message-store.js'
import type { Checkpoint } from '../../src/storage/message-store.js'
import { at, block, checkpoint, timeline, write } from './checkpoints.js'

export const SHARDS_PER_WRITER = 2
const ACTORS_PER_SHARD = 8
const PAGE_SIZE = 5_000

export function actorsOf(shard: number): ActorKey[] {
  return Array.from({ length: ACTORS_PER_SHARD }, (_, index) => actorKey('app', ActorKind.group, `${shard}/${index}`))
}

/** Batch n of a shard adds event n to each of its actors and says n in their rows. */
export function cutsOf(firstShard: number, batch: number): Checkpoint[] {
  return Array.from({ length: SHARDS_PER_WRITER }, (_, index) => {
    const shard = (firstShard + index) as ShardId
    const pages = new Map([[batch % 4, new Uint8Array(PAGE_SIZE).fill(batch)]])
    const writes = actorsOf(shard).map((key) => write(key, `${batch}`, { pages, blocks: [block(batch, batch)] }))
    return checkpoint(shard, at(batch), writes)
  })
}

async function run(folder: string, firstShard: number, batches: number): Promise<void> {
  await using store = EmbeddedMessageStore.open(folder)
  const stored = (await store.snapshot(firstShard as ShardId))?.position.batchNo ?? 0
  for (let batch = stored + 1; batch <= stored + batches; batch++) {
    try {
      await store.store(cutsOf(firstShard, batch))
      say(`stored ${batch}`)
    } catch (error) {
      say(`failed ${(error as Error).name}`)
    }
  }
  say(`read ${(await timeline(store, actorsOf(firstShard)[0]!, 1, Number.MAX_SAFE_INTEGER)).length}`)
  say('done')
}

function say(word: string): void {
  if (parentPort !== null) parentPort.postMessage(word)
  else writeSync(1, `${word}\n`)
}

const given = isMainThread ? process.argv.slice(2) : (workerData as unknown)
if (Array.isArray(given) && given.length === 3) {
  const [folder, firstShard, batches] = given as string[]
  await run(folder!, Number(firstShard), Number(batches))
}
