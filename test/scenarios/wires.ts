/**
 * The client's end of each wire, in memory, with everything of the server's end that lies between a socket and the
 * gateway: what JSON is transcoded to, and how a stream is cut into frames.
 */

import { TCP_PREFACE } from '../../src/domain/tcp-preface.js'
import { JsonWire } from '../../src/gateway/json-wire.js'
import type { SocketListener } from '../../src/gateway/socket-server.js'
import { FrameStream } from '../../src/gateway/tcp/frame-stream.js'
import { decodeFrames } from '../../src/protocol/decode.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import { frameFromJson, frameToJson } from '../../src/protocol/json-frames.js'
import { Bytes } from '../../src/std/bytes.js'
import { FakeSocket } from '../support/gateway-rig.js'
import type { WireEnd } from './story.js'

export type ClientWire = (listener: SocketListener) => () => WireEnd

/** Chunks of it have this many bytes: frames are cut anywhere. */
const CHUNK_BYTES = 37

const fb: ClientWire = (listener) => () => {
  const socket = new FakeSocket()
  listener.opened(socket)
  return {
    say: (frame) => listener.received(socket, Bytes.over(encodeFrame(frame))),
    heard: () => socket.frames(),
  }
}

class JsonSocketEnd extends FakeSocket {
  override readonly wire = 'json'
}

const json: ClientWire = (gateway) => {
  const listener = new JsonWire(gateway)
  return () => {
    const socket = new JsonSocketEnd()
    listener.opened(socket)
    return {
      say: (frame) => listener.received(socket, Bytes.over(new TextEncoder().encode(frameToJson(encodeFrame(frame))))),
      heard: () =>
        socket.messages
          .splice(0)
          .flatMap((message) => new TextDecoder().decode(message).trim().split('\n'))
          .flatMap((line) => decodeFrames(frameFromJson(line)!)),
    }
  }
}

const tcp: ClientWire = (listener) => () => {
  const socket = new FakeSocket()
  listener.opened(socket)
  const stream = new FrameStream()
  const write = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      const chunk = bytes.slice(at, at + CHUNK_BYTES)
      stream.take(chunk, (frames) => listener.received(socket, frames))
      chunk.fill(0xee) // Node may use it again
    }
  }
  write(TCP_PREFACE)
  return {
    say: (frame) => write(encodeFrame(frame)),
    heard: () => decodeFrames(Uint8Array.from(Buffer.concat(socket.messages.splice(0)))),
  }
}

export const WIRES: Readonly<Record<'fb' | 'json' | 'tcp', ClientWire>> = { fb, json, tcp }
