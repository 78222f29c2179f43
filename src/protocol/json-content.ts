/**
 * A Content in JSON. Its body is `text` where the content type says text and the bytes are that, and base64 in `body`
 * otherwise.
 *
 * Text has no control characters but tab, line feed and carriage return: then it grows at most twofold in JSON, and a
 * message of the largest body stays within the limit. The bytes that a JSON content becomes are the same for ever, or a
 * resend would meet its own first send as another message (schemas/vectors/).
 */
import { decodeContent, encodeContent } from './content.js'
import { MalformedJson, objectIn, textIn, textsIn, u128In } from './json-values.js'

const TEXT_TYPES = /^(?:text\/[^;]+|application\/(?:[^;]+\+)?json)(?:; *charset=utf-8)?$/i
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/
/** Of a `text` without a type. */
const PLAIN = 'text/plain'
/** What bad-content is said to, as it is of bytes without a message id. */
const NO_CONTENT = new Uint8Array(0)

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const TEXT = new TextEncoder()

export function contentToJson(bytes: Uint8Array): object {
  const { messageId, contentType, mentions = [], preview, body } = decodeContent(bytes)
  return {
    message_id: messageId.toString(),
    ...(contentType !== undefined && { content_type: contentType }),
    ...(mentions.length > 0 && { mentions }),
    ...(preview !== undefined && { preview }),
    ...(body !== undefined && bodyToJson(body, contentType)),
  }
}

function bodyToJson(body: Uint8Array, contentType: string | undefined): object {
  if (contentType !== undefined && TEXT_TYPES.test(contentType)) {
    const text = textOf(body)
    if (text !== undefined && !CONTROL.test(text)) return { text }
  }
  return { body: base64Of(body) }
}

/** Throws MalformedJson. */
export function contentFromJson(value: unknown): Uint8Array {
  const { message_id, content_type, mentions, preview, text, body } = objectIn(value)
  if (text !== undefined && body !== undefined) throw new MalformedJson('text and body')
  if (message_id === undefined) return NO_CONTENT
  return encodeContent({
    messageId: u128In(message_id),
    ...(content_type !== undefined && { contentType: textIn(content_type) }),
    ...(content_type === undefined && text !== undefined && { contentType: PLAIN }),
    ...(mentions !== undefined && { mentions: textsIn(mentions) }),
    ...(preview !== undefined && { preview: textIn(preview) }),
    ...(text !== undefined && { body: TEXT.encode(textIn(text)) }),
    ...(body !== undefined && { body: bytesIn(body) }),
  })
}

function bytesIn(value: unknown): Uint8Array {
  const binary = binaryOf(textIn(value))
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}

function binaryOf(base64: string): string {
  try {
    return atob(base64)
  } catch (cause) {
    throw new MalformedJson('body is not base64', { cause })
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

function base64Of(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}
