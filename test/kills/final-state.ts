/**
 * What is true in the end, as lines for the checkers. The log cannot be read from outside, so what it holds is read back
 * through History, page by page, by somebody who may see all of it; what the store holds is read from its files.
 */
import type { ConversationName } from '../../src/client/command-queue.js'
import { actorKey, parseActorKey, SHARD_COUNT_DEFAULT, shardOf } from '../../src/domain/ids.js'
import { decodeFrame } from '../../src/protocol/decode.js'
import { HistoryMode } from '../../src/protocol/wire-numbers.js'
import { EmbeddedMessageStore } from '../../src/storage/embedded/message-store.js'
import { appendTo, type HistoryLine, type LoggedLine, type SpentLine } from '../checkers/history.js'
import { eventFactsOf } from '../sim/event-line.js'
import { rowOf } from '../sim/final-state.js'
import { ChatClient } from '../support/chat-client.js'
import { APP } from './device.js'

export interface Readable {
  readonly conversation: ConversationName
  /** Who may see every event of it. */
  readonly reader: string
}

const PAGE = 200
const STORE_BYTES_MAX = 1 << 20

/** Every event of these conversations, in order, with the commands that left none where their lanes have them. */
export async function readLogged(
  port: number,
  conversations: readonly Readable[],
  spent: readonly SpentLine[],
): Promise<HistoryLine[]> {
  const lines: HistoryLine[] = []
  for (const { conversation, reader } of conversations) {
    const client = await ChatClient.open({ port, user: reader, device: 'auditor', laneRandom: 77n })
    const logged = await readBack(client, conversation)
    client.end()
    lines.push(
      ...interleaved(
        logged,
        spent.filter((line) => line.conversation === conversation.id),
      ),
    )
  }
  return lines
}

async function readBack(client: ChatClient, { kind, id }: ConversationName): Promise<LoggedLine[]> {
  const shard = shardOf(actorKey(APP, kind, id), SHARD_COUNT_DEFAULT)
  const lines: LoggedLine[] = []
  for (let anchor = 0; ; ) {
    client.events.length = 0
    const range = { mode: HistoryMode.after, anchor, limit: PAGE, minSeq: 0 }
    const end = await client.ask((ref) => ({
      kind: 'history',
      ref,
      conversationKind: kind,
      conversation: id,
      ...range,
    }))
    if (end.kind !== 'history-end') throw new Error(`history of ${id} was answered with ${JSON.stringify(end)}`)
    const events = client.events.filter((event) => event.conversation === id)
    for (const event of events) lines.push({ type: 'logged', shard, ...eventFactsOf(event) })
    if (end.completeTo >= end.head) return lines
    anchor = end.completeTo
  }
}

/** A spent n stands before the first event of its lane that is above it. */
function interleaved(logged: readonly LoggedLine[], spent: readonly SpentLine[]): HistoryLine[] {
  const laneOf = ({ from, device, lane }: LoggedLine | SpentLine) => `${from} ${device} ${lane}`
  const waiting = new Map<string, SpentLine[]>()
  for (const line of [...spent].sort((a, b) => a.n - b.n)) appendTo(waiting, laneOf(line), line)
  const lines = logged.flatMap((event): HistoryLine[] => {
    const ofLane = waiting.get(laneOf(event)) ?? []
    const below = ofLane.findIndex(({ n }) => n > event.n)
    return [...ofLane.splice(0, below < 0 ? ofLane.length : below), event]
  })
  return [...lines, ...[...waiting.values()].flat()]
}

/** The store's rows and timelines; no server may be running. Undefined while a row is behind its head in `logged`. */
export async function readStored(
  folder: string,
  conversations: readonly Readable[],
  heads: ReadonlyMap<string, number>,
): Promise<HistoryLine[] | undefined> {
  await using store = EmbeddedMessageStore.open(folder)
  const lines: HistoryLine[] = []
  for (const { conversation } of conversations) {
    const key = actorKey(APP, conversation.kind, conversation.id)
    const actor = await store.readActor(key)
    const head = heads.get(conversation.id) ?? 0
    if (actor === undefined) {
      if (head > 0) return undefined
      continue
    }
    const row = rowOf(parseActorKey(key), actor.row, actor.pages)
    if (row.head < head) return undefined
    for (let from = 1; from <= row.head; ) {
      const frames = await store.readTimeline(key, { from, to: row.head, bytesMax: STORE_BYTES_MAX })
      if (frames.length === 0) break
      for (const frame of frames) {
        const event = decodeFrame(frame)
        if (event.kind !== 'event') throw new RangeError(`the store holds a ${event.kind} where an event should be`)
        lines.push({ type: 'stored', ...eventFactsOf(event) })
      }
      from += frames.length
    }
    lines.push(row)
  }
  return lines
}
