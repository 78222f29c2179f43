/**
 * One lane's sends 1 … N to one conversation, each made from its number alone, so that any of them can be sent again
 * at any time, byte for byte. Keeps a window of them unanswered, on whatever connection there is.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { signToken } from '../../src/access/token.js'
import { ActorKind, directId, type UserId } from '../../src/domain/ids.js'
import { LIMITS } from '../../src/domain/limits.js'
import { encodeContent } from '../../src/protocol/content.js'
import { decodeFrames } from '../../src/protocol/decode.js'
import type { AckFrame, DecodedFrame, LaneName } from '../../src/protocol/decoded-frame.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import { RawWebSocket } from '../support/raw-websocket.js'
import { SECRET } from '../support/server-process.js'
import { APP } from './device.js'
import type { Whereabouts } from './raw-dialer.js'

const REDIAL_MS = 50
const TOKEN_HOURS = 24

export interface LaneReplayParts {
  readonly user: string
  readonly peer: string
  readonly random: bigint
  readonly server: Whereabouts
  /** Of each message; by default as little as says who and which. */
  readonly bodyBytes?: number
}

export class LaneReplay {
  readonly user: string
  readonly conversation: string
  readonly #parts: LaneReplayParts
  #lane: LaneName
  /** By n: the seq that was acked. */
  readonly seqs: number[] = [0]

  constructor(parts: LaneReplayParts) {
    const { user, peer, random } = parts
    this.#parts = parts
    this.user = user
    this.conversation = directId(user as UserId, peer as UserId)
    this.#lane = { number: 0, random }
  }

  /** Sends from … to (inclusive), and again until each is acked; tells every ack. Once stopped it connects no more. */
  async run(from: number, to: number, acked: (ack: AckFrame) => void, stopped?: AbortSignal): Promise<void> {
    const answered = new Set<number>()
    let lowest = from
    while (lowest <= to && stopped?.aborted !== true) {
      const socket = await this.#connect()
      if (socket === undefined) {
        await sleep(REDIAL_MS)
        continue
      }
      let next = lowest
      const pump = () => {
        const frames: Uint8Array[] = []
        for (; next <= to && next < lowest + LIMITS.laneWindow; next++) frames.push(this.#send(next))
        if (frames.length > 0) socket.send(Buffer.concat(frames))
      }
      pump()
      for (let left = to - lowest + 1; left > 0; ) {
        const message = await socket.receive()
        if (message === undefined) break
        for (const frame of decodeFrames(message)) {
          if (frame.kind === 'refusal') next = Math.min(next, this.#again(frame, lowest))
          if (frame.kind !== 'ack' || answered.has(frame.n)) continue
          answered.add(frame.n)
          acked(frame)
        }
        for (; answered.delete(lowest); left--) lowest++
        if (next < lowest) next = lowest
        pump()
      }
      socket.destroy()
    }
  }

  /** "Not now" is answered by sending again what it was said of. Throws where the server has forgotten an ack. */
  #again(refusal: Extract<DecodedFrame, { kind: 'refusal' }>, lowest: number): number {
    if (Math.floor(refusal.code / 100) === 13 || refusal.ref === 0) return Number.POSITIVE_INFINITY
    if (Math.floor(refusal.code / 100) !== 12)
      throw new Error(`${this.user} n ${refusal.ref}: ${JSON.stringify(refusal)}`)
    const again = refusal.expected > 0 ? refusal.expected : refusal.ref
    if (again >= lowest) return again
    throw new Error(`${this.user} was acked everything below ${lowest}; now the server expects ${again}`)
  }

  #send(n: number): Uint8Array {
    const { conversation } = this
    const body = new TextEncoder().encode(`${this.user} says ${n}`.padEnd(this.#parts.bodyBytes ?? 0))
    const messageId = (this.#parts.random << 64n) | BigInt(n)
    const content = encodeContent({ messageId, contentType: 'text/plain', body })
    return encodeFrame({ kind: 'send', ref: n, n, conversationKind: ActorKind.direct, conversation, content })
  }

  /** A connection that was welcomed, or undefined where there is none to have. */
  async #connect(): Promise<RawWebSocket | undefined> {
    const { user, server } = this.#parts
    if (server.port === undefined) return undefined
    try {
      const socket = await RawWebSocket.open({ port: server.port })
      const token = signToken(SECRET, { app: APP, user, expiresAt: Date.now() + TOKEN_HOURS * 60 * 60_000 })
      socket.send(encodeFrame({ kind: 'hello', ref: 1, token, device: 'phone', lane: this.#lane }))
      const message = await socket.receive()
      const [welcome] = message === undefined ? [] : [...decodeFrames(message)]
      if (welcome?.kind === 'welcome') {
        this.#lane = welcome.lane
        return socket
      }
      socket.destroy()
    } catch {
      // it was killed under our hands
    }
    return undefined
  }
}
