/**
 * A device on any of the wires, frame by frame, with nothing hidden: for tests that say the same thing three times.
 */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { decodeFrames } from '../../src/protocol/decode.js'
import type { DecodedFrame, EncodableFrame } from '../../src/protocol/decoded-frame.js'
import { encodeFrame, encodeFrames } from '../../src/protocol/encode.js'
import { frameFromJson, frameToJson } from '../../src/protocol/json-frames.js'
import { RawTcp } from './raw-tcp.js'
import { RawWebSocket } from './raw-websocket.js'

export interface WireClient {
  say(...frames: readonly EncodableFrame[]): void
  /** The next frame; undefined once the connection has ended and all was read. */
  heard(): Promise<DecodedFrame | undefined>
  /** Resolves with the code and reason where the wire has them. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string } | undefined>
  end(): void
}

interface Dialled {
  readonly port: number
  readonly tcpPort: number
  /** Whoever tries much that is forged wants an address of its own. */
  readonly localAddress?: string
}

async function fb({ port, localAddress = '127.0.0.1' }: Dialled): Promise<WireClient> {
  const socket = await RawWebSocket.open({ port, localAddress })
  const frames: DecodedFrame[] = []
  return {
    say: (...said) => socket.send(encodeFrames(said)),
    async heard() {
      while (frames.length === 0) {
        const message = await socket.receive()
        if (message === undefined) return undefined
        frames.push(...decodeFrames(message))
      }
      return frames.shift()
    },
    closed: socket.closed,
    end: () => socket.destroy(),
  }
}

async function json({ port, localAddress = '127.0.0.1' }: Dialled): Promise<WireClient> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, 'parley.v1.json', { localAddress })
  const frames: DecodedFrame[] = []
  let isEnded = false
  let changed = () => {}
  socket.on('message', (message) => {
    for (const line of `${message}`.trim().split('\n')) frames.push(...decodeFrames(frameFromJson(line)!))
    changed()
  })
  const closed = once(socket, 'close').then(([code, reason]) => {
    isEnded = true
    changed()
    return { code: code as number, reason: `${reason}` }
  })
  await once(socket, 'open')
  return {
    say: (...said) => socket.send(said.map((frame) => frameToJson(encodeFrame(frame))).join('\n')),
    async heard() {
      while (frames.length === 0 && !isEnded) {
        await new Promise<void>((resolve) => {
          changed = resolve
        })
      }
      return frames.shift()
    },
    closed,
    end: () => socket.terminate(),
  }
}

async function tcp({ tcpPort, localAddress = '127.0.0.1' }: Dialled): Promise<WireClient> {
  const socket = await RawTcp.open({ port: tcpPort, localAddress })
  return {
    say: (...said) => socket.send(encodeFrames(said)),
    async heard() {
      const bytes = await socket.receiveFrame()
      return bytes === undefined ? undefined : decodeFrames(bytes)[0]
    },
    closed: socket.closed.then(() => undefined),
    end: () => socket.destroy(),
  }
}

export const WIRES: Readonly<Record<'fb' | 'json' | 'tcp', (dialled: Dialled) => Promise<WireClient>>> = {
  fb,
  json,
  tcp,
}
