import { equal, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MessageChannel, Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { afterAll, beforeAll, test } from 'vitest'
import { busConformance } from '../../../test/conformance/bus.js'
import type { Address } from '../bus.js'
import { PortBus } from './bus.js'

const folder = mkdtempSync(join(tmpdir(), 'parley-bus-'))
const echoScript = join(folder, 'echo-worker.mjs')
beforeAll(async () => {
  const entry = fileURLToPath(new URL('../../../test/wal/echo-worker.ts', import.meta.url))
  await build({ entryPoints: [entry], outfile: echoScript, bundle: true, platform: 'node', format: 'esm' })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

busConformance('message ports', async () => {
  const [one, two] = connectedBuses()
  return {
    one,
    two,
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]()
      await two[Symbol.asyncDispose]()
    },
  }
})

test('batches reach real worker threads and come back, also after one was replaced', async () => {
  const here = 'node.main.1' as Address
  await using bus = new PortBus(here)
  for (const there of ['node.1.1', 'node.1.2'] as Address[]) {
    const { port1, port2 } = new MessageChannel()
    const workerData = { address: there, peer: here, port: port2 }
    const worker = new Worker(echoScript, { workerData, transferList: [port2] })
    bus.connect(there, port1)
    equal(await roundTrip(bus, there), 'hello')
    await worker.terminate()
    bus.publish(there, Buffer.from('nobody hears this'))
    bus.disconnect(there)
  }
})

test('a receiver that takes nothing costs its sender a bounded amount of memory, and hears again later', async () => {
  const [bus, lagging] = connectedBuses()
  bus.onMessage(() => {}) // hears of what was taken
  for (let count = 0; count < 40; count++) {
    bus.publish(lagging.self, new Uint8Array(1024 * 1024))
    await turns()
  }
  let received = 0
  lagging.onMessage((_, bytes) => (received += bytes.byteLength))
  for (let waiting = 0; waiting < 1_000 && received === 0; waiting++) await turns()
  await turns()
  ok(received > 0 && received <= 16 * 1024 * 1024, `${received} bytes were kept`)
  const before = received
  bus.publish(lagging.self, new Uint8Array(1024 * 1024))
  for (let waiting = 0; waiting < 1_000 && received === before; waiting++) await turns()
  ok(received > before)
  await bus[Symbol.asyncDispose]()
  await lagging[Symbol.asyncDispose]()
})

function connectedBuses(): [PortBus, PortBus] {
  const { port1, port2 } = new MessageChannel()
  const one = new PortBus('node.0.1' as Address)
  const two = new PortBus('node.1.1' as Address)
  one.connect(two.self, port1)
  two.connect(one.self, port2)
  return [one, two]
}

async function roundTrip(bus: PortBus, to: Address): Promise<string> {
  const answer = new Promise<string>((resolve) => {
    bus.onMessage((from, bytes) => from === to && resolve(Buffer.from(bytes).toString()))
  })
  const ticking = setInterval(() => bus.publish(to, Buffer.from('hello')), 5) // any of them may be lost
  try {
    return await answer
  } finally {
    clearInterval(ticking)
  }
}

async function turns(): Promise<void> {
  for (let count = 0; count < 10; count++) await new Promise((resolve) => setImmediate(resolve))
}
