/**
 * A device in a few lines, over a raw WebSocket: enough to ask and to hear, for tests on whole servers.
 */

import { signToken } from '../../src/access/token.js'
import { ActorKind, directId, type UserId } from '../../src/domain/ids.js'
import { encodeContent } from '../../src/protocol/content.js'
import { decodeFrames } from '../../src/protocol/decode.js'
import type {
  DecodedFrame,
  EncodableFrame,
  EventFrame,
  RefusalFrame,
  WelcomeFrame,
} from '../../src/protocol/decoded-frame.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import { HistoryMode } from '../../src/protocol/wire-numbers.js'
import { type Closed, RawWebSocket } from './raw-websocket.js'
import { SECRET } from './server-process.js'

export interface ChatClientOptions {
  readonly port: number
  readonly user: string
  readonly device?: string
  readonly laneRandom?: bigint
  /** By default one that the server's secret has signed for the app `test`. */
  readonly token?: string
}

type Answer = Extract<DecodedFrame, { readonly ref: number }>

export class ChatClient {
  readonly user: string
  /** Events in the order they came, delivered or from history. */
  readonly events: EventFrame[] = []
  /** Refusals that speak of the connection as a whole. */
  readonly notices: RefusalFrame[] = []
  readonly closed: Promise<Closed>
  readonly #socket: RawWebSocket
  readonly #waiting = new Map<number, (answer: Answer | undefined) => void>()
  #ref = 0
  #heard: () => void = () => {}

  private constructor(socket: RawWebSocket, user: string) {
    this.#socket = socket
    this.user = user
    this.closed = socket.closed
    void this.#listen()
  }

  /** Connects and is welcomed; throws where Hello is refused. */
  static async open(options: ChatClientOptions): Promise<ChatClient> {
    const { port, user, device = 'test', laneRandom = 1n, token = tokenOf(user) } = options
    const client = new ChatClient(await RawWebSocket.open({ port }), user)
    const welcome = await client.ask((ref) => ({
      kind: 'hello',
      ref,
      token,
      device,
      lane: { number: 0, random: laneRandom },
    }))
    if (welcome.kind !== 'welcome') throw new Error(`hello of ${user} was answered with ${JSON.stringify(welcome)}`)
    client.welcome = welcome
    return client
  }

  welcome: WelcomeFrame | undefined

  /** Sends a request and waits for its answer; throws where the connection ends first. */
  async ask(frame: (ref: number) => EncodableFrame): Promise<Answer> {
    const ref = ++this.#ref
    const answer = new Promise<Answer | undefined>((resolve) => this.#waiting.set(ref, resolve))
    this.#socket.send(encodeFrame(frame(ref)))
    const heard = await answer
    if (heard === undefined) throw new Error(`the connection of ${this.user} ended before request ${ref} was answered`)
    return heard
  }

  /** Sends `text` as the n-th command to `to`. */
  send(to: string, n: number, text: string): Promise<Answer> {
    const content = encodeContent({ messageId: BigInt(n), body: new TextEncoder().encode(text) })
    const conversation = directId(this.user as UserId, to as UserId)
    return this.ask((ref) => ({ kind: 'send', ref, n, conversationKind: ActorKind.direct, conversation, content }))
  }

  /** Seqs of the conversation with `peer` from the first on, as history tells them. */
  async seqsWith(peer: string): Promise<number[]> {
    const conversation = directId(this.user as UserId, peer as UserId)
    this.events.length = 0
    const range = { mode: HistoryMode.after, anchor: 0, limit: 200, minSeq: 0 }
    const end = await this.ask((ref) => ({
      kind: 'history',
      ref,
      conversationKind: ActorKind.direct,
      conversation,
      ...range,
    }))
    if (end.kind !== 'history-end') throw new Error(`history was answered with ${JSON.stringify(end)}`)
    return this.events.map((event) => event.seq)
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }

  end(): void {
    this.#socket.destroy()
  }

  async #listen(): Promise<void> {
    for (let message = await this.#socket.receive(); message !== undefined; message = await this.#socket.receive()) {
      for (const frame of decodeFrames(message)) this.#take(frame)
      this.#heard()
    }
    for (const resolve of this.#waiting.values()) resolve(undefined)
    this.#waiting.clear()
    this.#heard()
  }

  #take(frame: DecodedFrame): void {
    if (frame.kind === 'event') this.events.push(frame)
    else if (frame.kind === 'refusal' && frame.ref === 0) this.notices.push(frame)
    else if ('ref' in frame && frame.kind !== 'skip') {
      this.#waiting.get(frame.ref)?.(frame)
      this.#waiting.delete(frame.ref)
    }
  }
}

export function tokenOf(user: string): string {
  return signToken(SECRET, { app: 'test', user, issuedAt: Date.now(), expiresAt: Date.now() + 60 * 60_000 })
}

/** Opens a connection as soon as the server takes one and welcomes it. */
export async function openSoon(options: ChatClientOptions): Promise<ChatClient> {
  for (;;) {
    try {
      return await ChatClient.open(options)
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}
