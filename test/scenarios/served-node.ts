/**
 * A real server as the stage of a story: its devices speak through the kernel, over one wire. Each story has an app of its
 * own, so that stories of one server cannot meet.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { signToken } from '../../src/access/token.js'
import { decodeFrame, decodeFrames } from '../../src/protocol/decode.js'
import type { DecodedFrame, EncodableFrame, LaneName } from '../../src/protocol/decoded-frame.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import { frameFromJson, frameToJson } from '../../src/protocol/json-frames.js'
import { RawTcp } from '../support/raw-tcp.js'
import { RawWebSocket } from '../support/raw-websocket.js'
import { SECRET, ServerProcess } from '../support/server-process.js'
import { Device, type Stage, type WireEnd } from './story.js'

/** The client's end of a connection. */
interface Line {
  say(frame: EncodableFrame): void
  end(): void
}

type Dial = (server: ServerProcess, heard: (frames: readonly DecodedFrame[]) => void) => Promise<Line>

const TOKEN_MS = 60 * 60_000
/** Of Hello; the other refs of a connection are above. */
const HELLO_REF = 1
const GIVE_UP_MS = 15_000
const QUIET_MS = 20
const LOOK_MS = 2

export const DIALS: Readonly<Record<'fb' | 'json' | 'tcp', Dial>> = {
  async fb({ port }, heard) {
    const socket = await RawWebSocket.open({ port })
    void (async () => {
      for (let message = await socket.receive(); message !== undefined; message = await socket.receive())
        heard(decodeFrames(message))
    })()
    return { say: (frame) => socket.send(encodeFrame(frame)), end: () => socket.destroy() }
  },

  async json({ port }, heard) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, 'parley.v1.json')
    socket.on('message', (message) => {
      const lines = `${message}`.trim().split('\n')
      heard(lines.map((line) => decodeFrame(frameFromJson(line)!)))
    })
    await once(socket, 'open')
    return { say: (frame) => socket.send(frameToJson(encodeFrame(frame))!), end: () => socket.terminate() }
  },

  async tcp({ tcpPort }, heard) {
    const socket = await RawTcp.open({ port: tcpPort })
    void (async () => {
      for (let frame = await socket.receiveFrame(); frame !== undefined; frame = await socket.receiveFrame())
        heard([decodeFrame(frame)])
    })()
    return { say: (frame) => socket.send(encodeFrame(frame)), end: () => socket.destroy() }
  },
}

class ServedEnd implements WireEnd {
  readonly #unanswered = new Set<number>()
  readonly #frames: DecodedFrame[] = []
  line: Line | undefined

  get isAnswered(): boolean {
    return this.#unanswered.size === 0
  }

  say(frame: EncodableFrame): void {
    if ('ref' in frame) this.#unanswered.add(frame.ref)
    this.line!.say(frame)
  }

  heard(): DecodedFrame[] {
    return this.#frames.splice(0)
  }

  take(frames: readonly DecodedFrame[]): void {
    for (const frame of frames) {
      if (frame.kind !== 'event' && frame.kind !== 'skip' && 'ref' in frame) this.#unanswered.delete(frame.ref)
      this.#frames.push(frame)
    }
  }
}

/** A server and its data, which outlives it. */
export class Served implements AsyncDisposable {
  readonly #dataFolder = mkdtempSync(join(tmpdir(), 'parley-stories-'))
  #server: ServerProcess | undefined

  get server(): ServerProcess {
    return this.#server!
  }

  async start(): Promise<void> {
    await this.#server?.stop()
    const environment = { PARLEY_TCP_PORT: '0' }
    this.#server = await ServerProcess.start({ dataFolder: this.#dataFolder, environment })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop()
    rmSync(this.#dataFolder, { recursive: true, force: true })
  }
}

export class ServedNode implements Stage {
  readonly #served: Served
  readonly #dial: Dial
  readonly #app: string
  #devices: ServedEnd[] = []

  constructor(served: Served, wire: keyof typeof DIALS, app: string) {
    this.#served = served
    this.#dial = DIALS[wire]
    this.#app = app
  }

  async connect(user: string, device: string, lane: LaneName): Promise<Device> {
    const connected = new ServedEnd()
    connected.line = await this.#dial(this.#served.server, (frames) => connected.take(frames))
    this.#devices.push(connected)
    const token = signToken(SECRET, { app: this.#app, user, expiresAt: Date.now() + TOKEN_MS })
    connected.say({ kind: 'hello', ref: HELLO_REF, token, device, lane })
    await this.answered()
    return new Device(connected)
  }

  async restart(): Promise<void> {
    this.end()
    await this.#served.start()
  }

  logIs(): never {
    throw new Error('the log of a real server does what it does')
  }

  /** Every request has its answer. */
  async answered(): Promise<void> {
    await until(() => this.#devices.every((device) => device.isAnswered))
  }

  /** Everything is told, or nothing more comes. */
  async told(isTold: () => boolean): Promise<void> {
    await until(isTold)
    await sleep(QUIET_MS) // what is too much may still be on its way
  }

  end(): void {
    for (const { line } of this.#devices.splice(0)) line!.end()
  }
}

/** Gives up in silence: what is missing then is seen in what was heard. */
async function until(isTrue: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MS
  while (!isTrue() && performance.now() < giveUpAt) await sleep(LOOK_MS)
}
