import { equal, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type MessagePort, Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { afterAll, beforeAll, test } from 'vitest'
import { busConformance } from '../../../test/conformance/bus.js'
import type { Address } from '../bus.js'
import { MessagePortBroker, MessagePortBus } from './bus.js'

const folder = mkdtempSync(join(tmpdir(), 'parley-bus-'))
const echoScript = join(folder, 'echo-worker.mjs')
beforeAll(async () => {
  const entry = fileURLToPath(new URL('../../../test/wal/echo-worker.ts', import.meta.url))
  await build({ entryPoints: [entry], outfile: echoScript, bundle: true, platform: 'node', format: 'esm' })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

busConformance('message ports', async () => {
  const broker = new MessagePortBroker()
  const [one, two] = ['node.0.1', 'node.1.1'].map((name) => {
    const address = name as Address
    return new MessagePortBus(address, broker.join(address))
  })
  return {
    one: one!,
    two: two!,
    async [Symbol.asyncDispose]() {
      await one![Symbol.asyncDispose]()
      await two![Symbol.asyncDispose]()
      for (const { self } of [one!, two!]) broker.leave(self)
    },
  }
})

test('batches reach real worker threads and come back, also after one was replaced', async () => {
  const broker = new MessagePortBroker()
  const here = 'node.main.1' as Address
  await using bus = new MessagePortBus(here, broker.join(here))
  const lives = ['node.1.1', 'node.1.2'] as Address[]
  for (const address of lives) {
    const worker = startEcho(address, broker.join(address))
    equal(await roundTrip(bus, address), 'hello')
    await worker.terminate()
    broker.leave(address)
    bus.publish(address, Buffer.from('nobody hears this'))
  }
  broker.leave(here)
})

test('a receiver that takes nothing costs its sender a bounded amount of memory, and hears again later', async () => {
  const broker = new MessagePortBroker()
  const [here, there] = ['node.0.1', 'node.1.1'] as Address[]
  await using bus = new MessagePortBus(here!, broker.join(here!))
  await using lagging = new MessagePortBus(there!, broker.join(there!))
  bus.onMessage(() => {}) // hears of what was taken
  await turns()
  for (let count = 0; count < 40; count++) {
    bus.publish(there!, new Uint8Array(1024 * 1024))
    await turns()
  }
  let received = 0
  lagging.onMessage((_, bytes) => (received += bytes.byteLength))
  for (let waiting = 0; waiting < 1_000 && received === 0; waiting++) await turns()
  await turns()
  ok(received > 0 && received <= 16 * 1024 * 1024, `${received} bytes were kept`)
  const before = received
  bus.publish(there!, new Uint8Array(1024 * 1024))
  for (let waiting = 0; waiting < 1_000 && received === before; waiting++) await turns()
  ok(received > before)
})

function startEcho(address: Address, control: MessagePort): Worker {
  return new Worker(echoScript, { workerData: { address, control }, transferList: [control] })
}

async function roundTrip(bus: MessagePortBus, to: Address): Promise<string> {
  const answer = new Promise<string>((resolve) => {
    bus.onMessage((from, bytes) => from === to && resolve(Buffer.from(bytes).toString()))
  })
  const ticking = setInterval(() => bus.publish(to, Buffer.from('hello')), 5) // lost until both have been introduced
  try {
    return await answer
  } finally {
    clearInterval(ticking)
  }
}

async function turns(): Promise<void> {
  for (let count = 0; count < 10; count++) await new Promise((resolve) => setImmediate(resolve))
}
