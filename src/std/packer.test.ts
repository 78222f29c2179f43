import { deepEqual, equal, throws } from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'vitest'
import { Packer, Unpacker } from './packer.js'

test('what was packed comes back, in order, whatever it was', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 })
  const big = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  const rows = fc.array(fc.tuple(fc.nat(255), fc.nat(2 ** 32 - 1), fc.maxSafeNat(), fc.double(), big, text))
  fc.assert(
    fc.property(rows, (values) => {
      const packer = new Packer()
      for (const [a, b, c, d, e, f] of values) packer.u8(a).u32(b).u53(c).f64(d).u64(e).text(f)
      const from = new Unpacker(packer.take())
      const read = values.map(() => [from.u8(), from.u32(), from.u53(), from.f64(), from.u64(), from.text()])
      deepEqual(read, values)
    }),
  )
})

test('a text keeps its byte order mark', () => {
  equal(new Unpacker(new Packer().text('\ufeffa').take()).text(), '\ufeffa')
})

test('the largest u53 is the largest safe integer', () => {
  const from = new Unpacker(
    new Packer()
      .u53(Number.MAX_SAFE_INTEGER)
      .u53(2 ** 32)
      .take(),
  )
  deepEqual([from.u53(), from.u53()], [Number.MAX_SAFE_INTEGER, 2 ** 32])
})

test('take() gives a copy and begins anew', () => {
  const packer = new Packer()
  const first = packer.u8(1).take()
  deepEqual([...packer.u8(2).take()], [2])
  deepEqual([...first], [1])
})

test('reading stops at the end: the last byte is read, one more throws', () => {
  const whole = new Packer().u32(7).text('ab').take()
  const read = (bytes: Uint8Array) => {
    const from = new Unpacker(bytes)
    return [from.u32(), from.text()]
  }
  deepEqual(read(whole), [7, 'ab'])
  for (let size = 0; size < whole.length; size++) throws(() => read(whole.subarray(0, size)), RangeError)
})

test('bytes that are no UTF-8 throw', () => {
  const bytes = new Packer().text('ab').take()
  bytes[5] = 0xff
  throws(() => new Unpacker(bytes).text(), TypeError)
})
