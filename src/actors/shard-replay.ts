/**
 * Recovery of one shard's state from rows and log. The commit loop says when; a replay that another one has overtaken
 * throws UnavailableError before it touches what that one builds.
 */
import { type FrameHead, type LogPlace, RecordKind, recordsOf } from '../log/frame.js'
import { Bytes } from '../std/bytes.js'
import type { Snapshot } from '../storage/message-store.js'
import { isInRow } from './activation.js'
import { applyRecord } from './replay.js'
import type { Shard } from './shard.js'
import type { Replayed } from './takeover.js'

export class ShardReplay implements Replayed {
  readonly #shard: Shard
  readonly #reset: () => void

  /** `reset` throws the present state away. */
  constructor(shard: Shard, reset: () => void) {
    this.#shard = shard
    this.#reset = reset
  }

  async begin(): Promise<Snapshot | undefined> {
    const { activations, outbox, parts } = this.#shard
    this.#reset()
    const assertCurrent = activations.replayCheck()
    const snapshot = await parts.store.snapshot(parts.id)
    assertCurrent()
    await outbox.restore()
    return snapshot
  }

  async frame(place: LogPlace, head: FrameHead, bytes: Uint8Array): Promise<void> {
    const { activations, outbox } = this.#shard
    const assertCurrent = activations.replayCheck()
    const frame = Bytes.over(bytes)
    let index = 0
    for (const record of recordsOf(frame, head.count)) {
      const position = { logIncarnation: place.logIncarnation, batchNo: place.batchNo, index: index++ }
      await applyRecord(frame, record, async (name) => {
        const activation = await activations.forReplay(name)
        assertCurrent()
        const isEvent = record.kind === RecordKind.event
        if (isEvent && activation.kind === 'conversation') outbox.replayed(activation, position)
        if (isInRow(activation, position)) return undefined
        activations.touched(activation)
        return activation
      })
    }
  }

  lostTail(snapshot: Snapshot): void {
    const { events, id: shard } = this.#shard.parts
    events.logLostTail({ shard, snapshot })
  }

  troubled(cause: unknown, times: number): void {
    this.#shard.troubles.add(cause, times)
  }
}
