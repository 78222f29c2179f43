/**
 * Makes FlatBuffers' JavaScript accessors as strict as the verifying readers of other languages: a read outside the
 * buffer or off its alignment, a vtable that is none, an offset to itself, a string without its NUL or with broken
 * UTF-8 throws, where they return something.
 */

import { equal } from 'node:assert/strict'
import { ByteBuffer } from 'flatbuffers'
import { assert } from '../../src/std/assert.js'

const READS: Record<string, number> = {
  readInt8: 1,
  readUint8: 1,
  readInt16: 2,
  readUint16: 2,
  readInt32: 4,
  readUint32: 4,
  readInt64: 8,
  readUint64: 8,
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// biome-ignore lint/suspicious/noExplicitAny: the prototype is patched, whatever its methods are
const prototype = ByteBuffer.prototype as any

export function strictly<T>(run: () => T): T {
  const originals = Object.fromEntries(Object.keys(READS).map((name) => [name, prototype[name]]))
  const { __offset, __union, __string, __vector, __vector_len } = prototype
  for (const [name, size] of Object.entries(READS)) {
    prototype[name] = function (this: ByteBuffer, at: number) {
      assert(at >= 0 && at + size <= this.capacity(), `${name} at ${at} of ${this.capacity()} bytes`)
      assert(at % size === 0, `${name} at ${at} is not aligned`)
      return originals[name].call(this, at)
    }
  }
  prototype.__offset = function (this: ByteBuffer, table: number, entry: number) {
    const vtable = table - this.readInt32(table)
    const vtableBytes = this.readUint16(vtable)
    const tableBytes = this.readUint16(vtable + 2)
    assert(vtableBytes >= 4 && vtableBytes % 2 === 0 && vtable + vtableBytes <= this.capacity(), `vtable at ${vtable}`)
    assert(tableBytes >= 4 && table + tableBytes <= this.capacity(), `table at ${table}`)
    const offset = entry < vtableBytes ? this.readUint16(vtable + entry) : 0
    assert(offset === 0 || offset < tableBytes, `field at ${offset} of the table at ${table}`)
    equal(__offset.call(this, table, entry), offset, 'read as a signed number it is another')
    return offset
  }
  prototype.__union = function (this: ByteBuffer, body: unknown, at: number) {
    assert(this.readInt32(at) > 0, `an offset to itself at ${at}`)
    return __union.call(this, body, at)
  }
  prototype.__string = function (this: ByteBuffer, at: number) {
    assert(this.readInt32(at) > 0, `an offset to itself at ${at}`)
    const start = at + this.readInt32(at) + 4
    const end = start + this.readInt32(start - 4)
    assert(end >= start && end < this.capacity() && this.bytes()[end] === 0, `string [${start}, ${end}) has no NUL`)
    return utf8.decode(this.bytes().subarray(start, end))
  }
  prototype.__vector_len = function (this: ByteBuffer, at: number) {
    assert(this.readInt32(at) > 0, `an offset to itself at ${at}`)
    const size = __vector_len.call(this, at)
    assert(size >= 0 && __vector.call(this, at) + size <= this.capacity(), `vector of ${size} at ${at}`)
    return size
  }
  try {
    return run()
  } finally {
    Object.assign(prototype, originals, { __offset, __union, __string, __vector, __vector_len })
  }
}
