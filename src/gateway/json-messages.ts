/**
 * What JSON sockets are sent, written once: a frame is transcoded once for all sockets of the worker that get it, and a
 * message that many get in a tick (a busy group's bytes) is put together once.
 *
 * Both are found again by their bytes, so whoever sends needs to know nothing of it: comparing is memcmp, which costs
 * a hundredth of transcoding. Events alone are kept; what else a server says is for one connection.
 */
import { LIMITS, MiB } from '../domain/limits.js'
import { EVENT } from '../protocol/event-frame.js'
import { frameToJson } from '../protocol/json-frames.js'
import { bodyTypeOf, frameBytes } from '../protocol/table.js'
import { BodyType } from '../protocol/wire-numbers.js'
import { Bytes } from '../std/bytes.js'

/** Of events and their lines, together; all are dropped at it. */
const KEPT_BYTES_MAX = 4 * MiB
/** Seqs and hashes make one exact number. */
const SEQ_BITS = 2 ** 20

const TEXT = new TextEncoder()

interface Transcoded {
  readonly frame: Uint8Array
  readonly line: Uint8Array
}

const NOTHING = new Uint8Array(0)

export class JsonMessages {
  readonly #transcode: (frame: Uint8Array) => string | undefined
  readonly #events = new Map<number, Transcoded>()
  #keptBytes = 0
  #last: Uint8Array = NOTHING
  #lastMessages: readonly Uint8Array[] = []

  constructor(transcode: (frame: Uint8Array) => string | undefined = frameToJson) {
    this.#transcode = transcode
  }

  /** The frames of `message` as JSON, one a line, in as few messages as their limit allows; nobody may write into them. */
  of(message: Uint8Array): readonly Uint8Array[] {
    if (isSame(message, this.#last)) return this.#lastMessages
    this.#last = message.slice()
    this.#lastMessages = this.#written(Bytes.over(this.#last))
    return this.#lastMessages
  }

  #written(bytes: Bytes): Uint8Array[] {
    const messages: Uint8Array[] = []
    let lines: Uint8Array[] = []
    let size = 0
    for (let at = 0; at < bytes.size; ) {
      const end = at + frameBytes(bytes, at)
      const line = this.#lineOf(bytes, at, end)
      if (size + line.length > LIMITS.messageBytesMax && size > 0) {
        messages.push(joined(lines, size))
        lines = []
        size = 0
      }
      lines.push(line)
      size += line.length
      at = end
    }
    if (size > 0) messages.push(joined(lines, size))
    return messages
  }

  #lineOf(bytes: Bytes, start: number, end: number): Uint8Array {
    const frame = bytes.u8.subarray(start, end)
    if (bodyTypeOf(bytes, start) !== BodyType.event) return this.#lineFrom(frame)
    const { view } = bytes
    const hash = view.getUint32(start + EVENT.hash, true)
    const key = hash * SEQ_BITS + (view.getUint32(start + EVENT.seq, true) % SEQ_BITS)
    const kept = this.#events.get(key)
    if (kept !== undefined && isSame(frame, kept.frame)) return kept.line
    const fresh = { frame: frame.slice(), line: this.#lineFrom(frame) }
    this.#keep(key, fresh)
    return fresh.line
  }

  #keep(key: number, event: Transcoded): void {
    if (this.#keptBytes > KEPT_BYTES_MAX) {
      this.#events.clear()
      this.#keptBytes = 0
    }
    this.#events.set(key, event)
    this.#keptBytes += event.frame.length + event.line.length
  }

  #lineFrom(frame: Uint8Array): Uint8Array {
    const json = this.#transcode(frame)
    return json === undefined ? NOTHING : TEXT.encode(`${json}\n`)
  }
}

function joined(lines: readonly Uint8Array[], size: number): Uint8Array {
  if (lines.length === 1) return lines[0]!
  const message = new Uint8Array(size)
  let at = 0
  for (const line of lines) {
    message.set(line, at)
    at += line.length
  }
  return message
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}
