/**
 * The promise that an ack means durable, as a rule over system calls: the bytes of the message were written to a file,
 * an fdatasync of that file which began after that write came back with 0, and only then was the call entered that
 * sends the ack.
 */
import { decodeFrames } from '../../src/protocol/decode.js'
import type { AckFrame } from '../../src/protocol/decoded-frame.js'
import type { Call } from './strace-trace.js'

export interface SentMessage {
  readonly n: number
  /** Stands in the message's body and nowhere else. */
  readonly marker: string
}

const WRITES = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'])
const SENDS = new Set(['sendto', 'sendmsg', 'write', 'writev'])
const SYNCS = new Set(['fdatasync', 'fsync'])
const BINARY_MESSAGE = 0x82

/** What is wrong, message by message; nothing for a server that keeps its word. */
export function undurableAcks(calls: readonly Call[], messages: readonly SentMessage[]): string[] {
  const acks = acksOf(calls)
  return messages.flatMap(({ n, marker }) => {
    const ack = acks.get(n)
    if (ack === undefined) return [`no call sends an ack of n ${n}`]
    const writes = calls.filter((call) => WRITES.has(call.name) && call.result > 0 && call.data.includes(marker))
    if (writes.length === 0) return [`no call writes ${marker}`]
    const isCovered = calls.some(
      (sync) =>
        SYNCS.has(sync.name) &&
        sync.result === 0 &&
        sync.left < ack.entered &&
        writes.some((write) => write.descriptor === sync.descriptor && write.left < sync.entered),
    )
    return isCovered ? [] : [`the ack of n ${n} leaves in line ${ack.entered + 1}, before a sync covers ${marker}`]
  })
}

/** By n: the first call that sends its ack. */
function acksOf(calls: readonly Call[]): Map<number, Call> {
  const found = new Map<number, Call>()
  for (const call of calls) {
    if (!SENDS.has(call.name)) continue
    for (const ack of acksIn(call.data)) if (!found.has(ack.n)) found.set(ack.n, call)
  }
  return found
}

function acksIn(data: Buffer): AckFrame[] {
  const payload = payloadOf(data)
  if (payload === undefined) return []
  return [...decodeFrames(payload)].filter((frame) => frame.kind === 'ack')
}

/** Of one whole WebSocket message of a server, which does not mask. */
function payloadOf(data: Buffer): Buffer | undefined {
  if (data[0] !== BINARY_MESSAGE) return undefined
  const short = data[1]!
  const [start, size] = short < 126 ? [2, short] : [4, data.readUInt16BE(2)]
  return short < 127 && data.length === start + size ? data.subarray(start) : undefined
}
