/**
 * The server under strace: no ack leaves before a completed fdatasync that covers it.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { encodeFrame } from '../../src/protocol/encode.js'
import { ServerUnderTest } from '../kills/server-under-test.js'
import { ChatClient } from '../support/chat-client.js'
import { testWith } from '../support/system-package.js'
import { undurableAcks } from './durable-acks.js'
import { callsOf, STRACE_OPTIONS } from './strace-trace.js'

const MESSAGES = 40

const STRACE = { package: 'strace', isThere: () => spawnSync('strace', ['-V']).status === 0 }
const title = 'every ack of the real server follows the fdatasync of its message'
testWith(STRACE, title, { timeout: 60_000 }, acksAreDurable)

async function acksAreDurable(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-strace-'))
  const output = join(folder, 'trace')
  try {
    const wrapper = ['strace', ...STRACE_OPTIONS, '-o', output]
    const server = await ServerUnderTest.start({ dataFolder: join(folder, 'data'), workers: 1, wrapper })
    const messages = Array.from({ length: MESSAGES }, (_, index) => ({
      n: index + 1,
      marker: `marker-${index + 1}-end`,
    }))
    try {
      const alice = await ChatClient.open({ port: server.port, user: 'alice' })
      for (const { n, marker } of messages) equal((await alice.send('bob', n, marker)).kind, 'ack')
    } finally {
      await server.stop()
    }
    deepEqual(undurableAcks(callsOf(readFileSync(output, 'latin1')), messages), [])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('the rule over system calls', () => {
  const ack = encodeFrame({ kind: 'ack', ref: 1, n: 1, seq: 1, time: 5, flags: 0 })
  const WRITE = `7 1.1 pwritev(23, [{iov_base="${hex('head')}", iov_len=4}, {iov_base="${hex('..m1..')}", iov_len=6}], 2, 64) = 10`
  const SYNC = '9 1.2 fdatasync(23)                   = 0'
  const SYNC_BEGINS = '9 1.2 fdatasync(23 <unfinished ...>'
  const SYNC_ENDS = '9 1.3 <... fdatasync resumed>)          = 0'
  const SEND = `7 1.4 sendto(30, "${hex(Buffer.from([0x82, ack.length]))}${hex(ack)}", ${ack.length + 2}, MSG_NOSIGNAL, NULL, 0) = ${ack.length + 2}`
  const wrong = (...lines: string[]) => undurableAcks(callsOf(lines.join('\n')), [{ n: 1, marker: 'm1' }]).join()

  test('accepts write, sync, send, and a sync that another line interrupts', () => {
    equal(wrong(WRITE, SYNC, SEND), '')
    equal(wrong(WRITE, SYNC_BEGINS, '7 1.25 write(5, "", 0) = 0', SYNC_ENDS, SEND), '')
  })

  test('rejects an ack before the sync, while it runs, or after a sync that covers less', () => {
    match(wrong(WRITE, SEND, SYNC), /before a sync covers m1/)
    match(wrong(WRITE, SYNC_BEGINS, SEND, SYNC_ENDS), /before a sync/)
    match(wrong(SYNC, WRITE, SEND), /before a sync/)
    match(wrong(SYNC_BEGINS, WRITE, SYNC_ENDS, SEND), /before a sync/)
    match(wrong(WRITE, SYNC.replace('(23)', '(24)'), SEND), /before a sync/)
    match(wrong(WRITE, SYNC.replace('= 0', '= -1 EIO (Input/output error)'), SEND), /before a sync/)
  })

  test('rejects a trace without the write or without the ack', () => {
    match(wrong(SYNC, SEND), /no call writes m1/)
    match(wrong(WRITE, SYNC), /no call sends an ack/)
  })
})

function hex(bytes: string | Uint8Array): string {
  return Buffer.from(bytes).toString('hex').replaceAll(/../g, '\\x$&')
}
