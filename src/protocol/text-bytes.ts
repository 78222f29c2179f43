/**
 * Rules for text, asked of its bytes: what domain/ids.ts says of strings, without making any.
 */
import { ActorKind, CONVERSATION_ID_BYTES_MAX, ID_BYTES_MAX } from '../domain/ids.js'

const SEPARATOR = 0x1f
const DELETE = 0x7f

/** 1 … `bytesMax` bytes of UTF-8 without control characters, and without a byte order mark at the front: most decoders
 *  drop that one, and two users would look like one. */
export function isIdAt(u8: Uint8Array, start: number, end: number, bytesMax: number): boolean {
  if (end <= start || end - start > bytesMax) return false
  for (let at = start; at < end; at++) {
    const byte = u8[at]!
    if (byte >= 0x80) return isUtf8At(u8, at, end) && !hasControl(u8, at, end) && !hasMark(u8, start, end)
    if (byte < 0x20 || byte === DELETE) return false
  }
  return true
}

/** An id in the form that its kind of conversation wants; false for what is no kind. */
export function isConversationIdAt(u8: Uint8Array, kind: number, start: number, end: number): boolean {
  if (kind === ActorKind.direct) return isDirectIdAt(u8, start, end)
  return kind >= ActorKind.group && kind <= ActorKind.room && isIdAt(u8, start, end, CONVERSATION_ID_BYTES_MAX)
}

/** Two users in the order of their bytes, joined by U+001F. */
function isDirectIdAt(u8: Uint8Array, start: number, end: number): boolean {
  let middle = start
  while (middle < end && u8[middle] !== SEPARATOR) middle++
  if (!isIdAt(u8, start, middle, ID_BYTES_MAX) || !isIdAt(u8, middle + 1, end, ID_BYTES_MAX)) return false
  let a = start
  let b = middle + 1
  while (a < middle && b < end && u8[a] === u8[b]) {
    a++
    b++
  }
  return a === middle || (b < end && u8[a]! < u8[b]!)
}

/** Well-formed UTF-8 as the Unicode standard has it: shortest forms only, no surrogates, nothing above U+10FFFF. */
export function isUtf8At(u8: Uint8Array, start: number, end: number): boolean {
  let at = start
  while (at < end) {
    const lead = u8[at]!
    if (lead < 0x80) {
      at++
      continue
    }
    let more = 0
    let low = 0x80
    let high = 0xbf
    if (lead >= 0xc2 && lead <= 0xdf) more = 1
    else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2
      if (lead === 0xe0) low = 0xa0
      else if (lead === 0xed) high = 0x9f
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3
      if (lead === 0xf0) low = 0x90
      else if (lead === 0xf4) high = 0x8f
    } else return false
    if (at + more >= end) return false
    const second = u8[at + 1]!
    if (second < low || second > high) return false
    for (let next = at + 2; next <= at + more; next++) {
      if ((u8[next]! & 0xc0) !== 0x80) return false
    }
    at += more + 1
  }
  return true
}

function hasControl(u8: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (u8[at]! < 0x20 || u8[at] === DELETE) return true
  }
  return false
}

function hasMark(u8: Uint8Array, start: number, end: number): boolean {
  return end - start >= 3 && u8[start] === 0xef && u8[start + 1] === 0xbb && u8[start + 2] === 0xbf
}
