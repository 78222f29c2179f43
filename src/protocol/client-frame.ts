/**
 * What a client asks, read where it lies: one `ClientFrame` is reused for every frame of a worker. The bytes must have
 * passed verify.ts.
 */
import { type Bytes, readU53 } from '../std/bytes.js'
import { bodyTableOf, bodyTypeOf, fieldAt, textsField, vectorAt } from './table.js'
import { readText } from './text-cache.js'
import { BodyType } from './wire-numbers.js'

/** Ranges are of the buffer that was read. What the frame's type does not have keeps the value of an earlier frame,
 *  except `n`, which is 0 then. */
export class ClientFrame {
  type = 0
  ref = 0
  n = 0

  /** Send, Change, Void, History, Members, Mark, Typing: which conversation. */
  conversationKind = 0
  conversationStart = 0
  conversationEnd = 0

  /** Send. */
  contentStart = 0
  contentEnd = 0

  /** Change. */
  action = 0

  /** History; of Members the limit, and as `anchor` what to go on after. */
  mode = 0
  anchor = 0
  limit = 0
  minSeq = 0

  /** Mark; of which also `incarnation`. */
  seq = 0
  ordinal = 0
  set = 0
  flags = 0

  /** Resume. */
  incarnation = 0
  version = 0
  headsFrom = 0
  eventsMax = 0

  /** Hello. */
  tokenStart = 0
  tokenEnd = 0
  deviceStart = 0
  deviceEnd = 0
  laneNumber = 0
  laneRandom = 0n

  /** Members. */
  wantsOnline = false

  #table = 0

  /** Asks, and changes nothing. */
  get isRead(): boolean {
    return this.type === BodyType.history || this.type === BodyType.resume || this.type === BodyType.members
  }

  /** Reads all of a frame that `verifyClientFrame` passed. */
  read(bytes: Bytes, start: number): void {
    this.readRequest(bytes, start)
    const { view } = bytes
    const table = this.#table
    switch (this.type) {
      case BodyType.send: {
        this.#readConversation(view, table, 1)
        const content = vectorAt(view, table, 3)
        this.contentStart = content + 4
        this.contentEnd = content + 4 + view.getUint32(content, true)
        return
      }
      case BodyType.change:
        this.action = byteField(view, table, 1)
        this.#readConversation(view, table, 2)
        return
      case BodyType.void:
        this.#readConversation(view, table, 1)
        return
      case BodyType.history:
        this.mode = byteField(view, table, 1)
        this.#readConversation(view, table, 2)
        this.anchor = longField(view, table, 4)
        this.limit = intField(view, table, 5)
        this.minSeq = longField(view, table, 6)
        return
      case BodyType.mark:
        this.#readConversation(view, table, 1)
        this.seq = longField(view, table, 3)
        this.ordinal = longField(view, table, 4)
        this.set = shortField(view, table, 5)
        this.flags = shortField(view, table, 6)
        this.incarnation = intField(view, table, 7)
        return
      case BodyType.typing:
        this.#readConversation(view, table, 1)
        return
      case BodyType.signOut: {
        const device = vectorAt(view, table, 1)
        this.deviceStart = device + 4
        this.deviceEnd = device + 4 + view.getUint32(device, true)
        return
      }
      case BodyType.resume:
        this.incarnation = intField(view, table, 1)
        this.version = longField(view, table, 2)
        this.headsFrom = intField(view, table, 3)
        this.eventsMax = intField(view, table, 4)
        return
      case BodyType.members:
        this.#readConversation(view, table, 1)
        this.anchor = intField(view, table, 3)
        this.limit = intField(view, table, 4)
        this.wantsOnline = byteField(view, table, 5) === 1
        return
      case BodyType.hello:
        this.#readHello(view, table)
        return
    }
  }

  /** Type, ref and n only: all that may be read of a frame that was refused with anything but bad-frame. */
  readRequest(bytes: Bytes, start: number): void {
    const { view } = bytes
    this.type = bodyTypeOf(bytes, start)
    const table = bodyTableOf(view, start)
    this.#table = table
    const { type } = this
    const isCommand = type === BodyType.send || type === BodyType.change || type === BodyType.void
    if (isCommand || type === BodyType.mark) {
      const request = fieldAt(view, table, 0)
      this.n = readU53(view, request)
      this.ref = view.getUint32(request + 8, true)
    } else {
      this.n = 0
      this.ref = intField(view, table, 0)
    }
  }

  conversation(bytes: Bytes): string {
    return readText(bytes, this.conversationStart, this.conversationEnd)
  }

  /** Of a Change or a Watch. */
  users(bytes: Bytes): string[] {
    return textsField(bytes, this.#table, this.type === BodyType.watch ? 1 : 4)
  }

  /** Of a Hello. */
  token(bytes: Bytes): string {
    return readText(bytes, this.tokenStart, this.tokenEnd)
  }

  /** Of a Hello or a SignOut. */
  device(bytes: Bytes): string {
    return readText(bytes, this.deviceStart, this.deviceEnd)
  }

  #readConversation(view: DataView, table: number, kindField: number): void {
    this.conversationKind = byteField(view, table, kindField)
    const conversation = vectorAt(view, table, kindField + 1)
    this.conversationStart = conversation + 4
    this.conversationEnd = conversation + 4 + view.getUint32(conversation, true)
  }

  #readHello(view: DataView, table: number): void {
    const token = vectorAt(view, table, 1)
    this.tokenStart = token + 4
    this.tokenEnd = token + 4 + view.getUint32(token, true)
    const device = vectorAt(view, table, 2)
    this.deviceStart = device + 4
    this.deviceEnd = device + 4 + view.getUint32(device, true)
    const lane = fieldAt(view, table, 3)
    this.laneRandom = view.getBigUint64(lane, true)
    this.laneNumber = view.getUint32(lane + 8, true)
  }
}

function byteField(view: DataView, table: number, index: number): number {
  const at = fieldAt(view, table, index)
  return at === 0 ? 0 : view.getUint8(at)
}

function shortField(view: DataView, table: number, index: number): number {
  const at = fieldAt(view, table, index)
  return at === 0 ? 0 : view.getUint16(at, true)
}

function intField(view: DataView, table: number, index: number): number {
  const at = fieldAt(view, table, index)
  return at === 0 ? 0 : view.getUint32(at, true)
}

function longField(view: DataView, table: number, index: number): number {
  const at = fieldAt(view, table, index)
  return at === 0 ? 0 : readU53(view, at)
}
