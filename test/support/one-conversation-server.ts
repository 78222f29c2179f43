/**
 * The server's end of the protocol for one user's devices and one conversation, as docs/protocol.md has it: lanes, acks,
 * duplicates, replaced connections, live events and history. It keeps what it accepted, for tests to look at.
 */
import type { ConnectionEvents } from '../../src/client/link.js'
import type { Transport } from '../../src/client/transport.js'
import { LIMITS } from '../../src/domain/limits.js'
import { REFUSALS, type RefusalName } from '../../src/domain/refusal.js'
import { decodeContent, encodeContent } from '../../src/protocol/content.js'
import { decodeFrames } from '../../src/protocol/decode.js'
import type {
  DecodedFrame,
  EncodableFrame,
  EventFrame,
  HistoryFrame,
  MarkFrame,
  SendFrame,
} from '../../src/protocol/decoded-frame.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import { EventKind, HistoryMode } from '../../src/protocol/wire-numbers.js'

const APP = { app: 'test', user: 'alice' }
const CONVERSATION = { conversationKind: 2, conversation: 'all' }

interface Peer {
  readonly events: ConnectionEvents
  device: string
  lane: number
}

export class OneConversationServer {
  /** Every event, at its seq less 1. */
  readonly accepted: EventFrame[] = []
  readonly peers = new Set<Peer>()
  /** What went wrong in the eyes of the server. */
  readonly complaints: string[] = []
  hellos = 0
  /** Refuses every Hello with this. */
  refusal: RefusalName | undefined
  /** Answers no Hello. */
  isSilent = false
  /** Whom it was asked to watch, list by list. */
  readonly watched: (readonly string[])[] = []
  readonly marks: MarkFrame[] = []
  readonly #laneNumbers = new Map<bigint, number>()
  /** Lane → the seqs of its sends, at n less 1. */
  readonly #lanes = new Map<number, number[]>()

  get texts(): string[] {
    return this.accepted.map(textOf)
  }

  readonly transport: Transport = (_, events) => {
    const peer: Peer = { events, device: '', lane: 0 }
    this.peers.add(peer)
    events.opened()
    return {
      send: (message) => {
        for (const frame of decodeFrames(message)) if (this.peers.has(peer)) this.#take(peer, frame)
      },
      close: () => void this.peers.delete(peer),
    }
  }

  /** The network loses all connections. */
  cut(): void {
    for (const { events } of this.peers) events.closed()
    this.peers.clear()
  }

  /** Somebody else writes. */
  write(from: string, text: string): void {
    const content = encodeContent({
      messageId: 0n,
      contentType: 'text/plain',
      body: new TextEncoder().encode(text),
      mentions: [],
    })
    this.#accept({ from, device: 'other', lane: 0, n: 0, content })
  }

  /** To all connections. */
  tell(frame: EncodableFrame): void {
    for (const peer of this.peers) this.#say(peer, frame)
  }

  #take(peer: Peer, frame: DecodedFrame): void {
    if (frame.kind === 'hello') return this.#hello(peer, frame)
    if (peer.lane === 0) return
    if (frame.kind === 'ping') this.#say(peer, { kind: 'pong', ref: frame.ref, serverTime: 1 })
    else if (frame.kind === 'send') this.#send(peer, frame)
    else if (frame.kind === 'history') this.#history(peer, frame)
    else if (frame.kind === 'watch') this.watched.push(frame.users)
    else if (frame.kind === 'members') {
      const { ref, conversationKind, conversation } = frame
      const counts = { count: 3, online: 2, onlineAt: 1, againMs: 5_000, next: 0 }
      const nobody = { users: [], owners: [], readSeqs: [] }
      this.#say(peer, { kind: 'member-list', ref, conversationKind, conversation, ...counts, ...nobody })
    } else if (frame.kind === 'mark') {
      this.marks.push(frame)
      this.#say(peer, { kind: 'ack', ref: frame.ref, n: frame.n, seq: 0, time: 1, flags: 0 })
    } else if (frame.kind === 'resume') {
      const inbox = { incarnation: 1, prev: 0, version: 1, entries: [], more: false, heads: [], headsNext: 0 }
      this.#say(peer, { kind: 'inbox', ref: frame.ref, ...inbox })
    }
  }

  #hello(peer: Peer, { ref, device, lane }: DecodedFrame & { kind: 'hello' }): void {
    this.hellos++
    if (this.isSilent) return
    if (this.refusal !== undefined) return this.#refuse(peer, ref, this.refusal, 0)
    for (const other of this.peers) {
      if (other === peer || other.device !== device) continue
      this.#refuse(other, 0, 'replaced', lane.number)
      other.events.closed()
      this.peers.delete(other)
    }
    const number = this.#laneNumbers.get(lane.random) ?? this.#laneNumbers.size + 1
    this.#laneNumbers.set(lane.random, number)
    peer.device = device
    peer.lane = number
    const said = { lane: { number, random: lane.random }, serverTime: 1, heartbeatMs: 25_000, limits: LIMITS }
    this.#say(peer, { kind: 'welcome', ref, ...APP, device, ...said })
  }

  #send(peer: Peer, { ref, n, content }: SendFrame): void {
    const lane = this.#lanes.get(peer.lane) ?? []
    this.#lanes.set(peer.lane, lane)
    const known = lane[n - 1]
    const isSame = known !== undefined && textOf(this.accepted[known - 1]!) === textOf({ content })
    if (known !== undefined && !isSame) {
      this.complaints.push(`lane ${peer.lane} gave ${n} to two messages`)
      return this.#refuse(peer, ref, 'lane-reused', 0)
    }
    if (n > lane.length + 1) return this.#refuse(peer, ref, 'send-gap', lane.length + 1)
    const from = { from: APP.user, device: peer.device, lane: peer.lane, n, content: content.slice() }
    const seq = known ?? this.#accept(from, peer)
    lane[n - 1] = seq
    this.#say(peer, { kind: 'ack', ref, n, seq, time: 1, flags: 0 })
  }

  #accept(said: Pick<EventFrame, 'from' | 'device' | 'lane' | 'n' | 'content'>, writer?: Peer): number {
    const seq = this.accepted.length + 1
    const stamp = { seq, time: 1, ordinal: seq, memberSeq: 1, laneRandom: 1n, incarnation: 1, hash: 1 }
    const event = { kind: 'event' as const, app: APP.app, ...CONVERSATION, ...stamp, ...said }
    this.accepted.push({ ...event, eventKind: EventKind.message, users: [] })
    for (const peer of this.peers) if (peer !== writer && peer.lane > 0) this.#say(peer, this.accepted.at(-1)!)
    return seq
  }

  #history(peer: Peer, { ref, mode, anchor, limit }: HistoryFrame): void {
    const head = this.accepted.length
    const end = mode === HistoryMode.after || anchor === 0 ? head : anchor - 1
    const from = mode === HistoryMode.after ? anchor + 1 : Math.max(1, end - limit + 1)
    const completeTo = Math.min(end, from + limit - 1)
    for (const event of this.accepted.slice(from - 1, completeTo)) this.#say(peer, event)
    this.#say(peer, { kind: 'history-end', ref, ...CONVERSATION, from, completeTo, head })
  }

  #refuse(peer: Peer, ref: number, name: RefusalName, expected: number): void {
    const { wire: code } = REFUSALS[name]
    this.#say(peer, { kind: 'refusal', ref, n: 0, code, retryAfterMs: 50, expected, name, advice: '' })
  }

  #say(peer: Peer, frame: EncodableFrame): void {
    peer.events.received(encodeFrame(frame))
  }
}

function textOf({ content }: Pick<EventFrame, 'content'>): string {
  return new TextDecoder().decode(decodeContent(content!).body)
}
