/** A stranger's client speaks to a real server: docs/protocol.md is enough to write one. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'vitest'
import { signToken } from '../../src/access/token.js'
import { ChatClient } from '../support/chat-client.js'
import { SECRET, ServerProcess } from '../support/server-process.js'

const SCRIPT = join(import.meta.dirname, 'client.py')
const hasPython = spawnSync('python3', ['-c', 'import sys; assert sys.version_info >= (3, 8)']).status === 0

/** The client as a process: commands in, one object for each frame that it heard out. */
class PythonClient implements Disposable {
  readonly #child
  readonly #heard: AsyncIterator<string>
  complaints = ''

  constructor(port: number, user: string) {
    const token = signToken(SECRET, { app: 'test', user, expiresAt: Date.now() + 60_000 })
    this.#child = spawn('python3', [SCRIPT, '127.0.0.1', `${port}`, user, 'snake', token])
    this.#heard = createInterface(this.#child.stdout)[Symbol.asyncIterator]()
    this.#child.stderr.on('data', (text) => {
      this.complaints += text
    })
  }

  say(command: string): void {
    this.#child.stdin.write(`${command}\n`)
  }

  /** What it says of the next frame, these fields only. */
  async heard(...names: readonly string[]): Promise<unknown[]> {
    const { value, done } = await this.#heard.next()
    ok(!done, `the client ended: ${this.complaints}`)
    const frame = JSON.parse(value)
    return names.map((name) => frame[name])
  }

  [Symbol.dispose](): void {
    this.#child.kill()
  }
}

const skipped = hasPython ? '' : ' (skipped: python3, 3.8 or newer, is not there)'

test.skipIf(!hasPython)(`a client in Python says Hello, sends, hears and reads history${skipped}`, async () => {
  await using server = await ServerProcess.start({ environment: { PARLEY_TCP_PORT: '0' } })
  const bob = await ChatClient.open({ port: server.port, user: 'bob' })
  using alice = new PythonClient(server.tcpPort, 'alice')
  deepEqual(await alice.heard('type', 'ref', 'user', 'lane'), ['welcome', 1, 'alice', 1])

  alice.say('send 1 bob Zmrzlina? 🍨')
  deepEqual(await alice.heard('type', 'n', 'seq', 'flags'), ['ack', 1, 1, 0])
  await bob.until(() => bob.events.length === 1)
  deepEqual([bob.events[0]!.from, bob.events[0]!.device, bob.events[0]!.n], ['alice', 'snake', 1])

  equal((await bob.send('alice', 1, 'yes')).kind, 'ack')
  alice.say('wait')
  deepEqual(await alice.heard('type', 'from', 'seq', 'text'), ['event', 'bob', 2, 'yes'])

  alice.say('send 3 bob too far')
  deepEqual(await alice.heard('type', 'code', 'name'), ['refusal', 1203, 'send-gap'])

  alice.say('history bob 0')
  deepEqual(await alice.heard('type', 'from', 'seq', 'text'), ['event', 'alice', 1, 'Zmrzlina? 🍨'])
  deepEqual(await alice.heard('type', 'from', 'seq', 'text'), ['event', 'bob', 2, 'yes'])
  deepEqual(await alice.heard('type', 'from', 'complete_to', 'head'), ['history_end', 1, 2, 2])
  equal(alice.complaints, '')
})

test('it is short and needs nothing but Python', () => {
  const lines = readFileSync(SCRIPT, 'utf8').trimEnd().split('\n')
  ok(lines.length <= 150, `${lines.length} lines`)
  deepEqual(
    lines.filter((line) => /^\s*(?:import|from) /.test(line)),
    ['import json, secrets, socket, struct, sys'],
  )
})
