/**
 * What a message carries: written once by its sender, forwarded untouched, read by clients only.
 */
import { Builder, ByteBuffer } from 'flatbuffers'
import { Content, MessageId } from './generated/parley/wire.js'

export interface MessageContent {
  /** 128 bits, drawn at random once per message. */
  readonly messageId: bigint
  readonly contentType?: string
  readonly mentions?: readonly string[]
  readonly preview?: string
  readonly body?: Uint8Array
}

export function encodeContent(content: MessageContent): Uint8Array {
  const builder = new Builder(256 + (content.body?.byteLength ?? 0))
  const { contentType, mentions = [], preview, body } = content
  const bodyAt = body === undefined ? 0 : builder.createByteVector(body)
  const previewAt = preview === undefined ? 0 : builder.createString(preview)
  const mentionsAt =
    mentions.length === 0
      ? 0
      : Content.createMentionsVector(
          builder,
          mentions.map((user) => builder.createString(user)),
        )
  const typeAt = contentType === undefined ? 0 : builder.createString(contentType)
  Content.startContent(builder)
  const high = content.messageId >> 64n
  Content.addMessageId(builder, MessageId.createMessageId(builder, high, BigInt.asUintN(64, content.messageId)))
  Content.addContentType(builder, typeAt)
  Content.addMentions(builder, mentionsAt)
  Content.addPreview(builder, previewAt)
  Content.addBody(builder, bodyAt)
  builder.finish(Content.endContent(builder))
  return builder.asUint8Array()
}

/** The body shares memory with `bytes`. Absent fields are absent. */
export function decodeContent(bytes: Uint8Array): MessageContent {
  const content = Content.getRootAsContent(new ByteBuffer(bytes))
  const id = content.messageId()
  const contentType = content.contentType()
  const preview = content.preview()
  const body = content.bodyArray()
  const mentions: string[] = []
  for (let index = 0; index < content.mentionsLength(); index++) mentions.push(content.mentions(index))
  return {
    messageId: id === null ? 0n : (id.high() << 64n) | id.low(),
    mentions,
    ...(contentType !== null && { contentType }),
    ...(preview !== null && { preview }),
    ...(body !== null && { body }),
  }
}
