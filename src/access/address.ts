/**
 * Addresses of peers in one spelling each, however a socket library writes them.
 */
import { isIPv6 } from 'node:net'

/** IPv6 in its short form without a zone; IPv4 that comes wrapped in IPv6 as itself. What is no address stays as it is. */
export function plainAddress(address: string): string {
  const text = address.split('%', 1)[0]!
  if (!isIPv6(text)) return address
  const short = new URL(`http://[${text}]`).hostname.slice(1, -1)
  const wrapped = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(short)
  if (wrapped === null) return short
  const [high, low] = [Number.parseInt(wrapped[1]!, 16), Number.parseInt(wrapped[2]!, 16)]
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

/** What one host has: its address, or the first half of its IPv6 address, since it may use all of the /64 behind. */
export function hostOf(address: string): string {
  const plain = plainAddress(address)
  if (!isIPv6(plain)) return plain
  const [front = '', back = ''] = plain.split('::')
  const [first, last] = [front, back].map((part) => (part === '' ? [] : part.split(':'))) as [string[], string[]]
  const zeros = plain.includes('::') ? new Array<string>(8 - first.length - last.length).fill('0') : []
  return [...first, ...zeros, ...last].slice(0, 4).join(':')
}

/** Loopback's own names: what a browser shows and no foreign page can have. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
