/**
 * A worker thread: one event loop with its own listening socket and its own shards.
 *
 * If a thread dies while its WebSocket library is open, the library aborts the whole process. So whatever ends this
 * thread closes that first: a drain does, and so does the handler of uncaught exceptions, which tells the main thread,
 * closes, and exits a tick later. The main thread starts it again. Nothing in memory outlives that; the log does.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { RevokeOutcome } from './access/access-change.js'
import { composeWorker } from './node.js'
import type { FromWorker, ToWorker, WorkerStart } from './process-messages.js'
import { assert, unreachable } from './std/assert.js'

assert(parentPort !== null, 'worker.ts runs in a worker thread')
const main = parentPort
const start = workerData as WorkerStart

let isFailing = false
/** Asked of the main thread, which answers each. At most so many wait for its disk. */
const REVOKES_MAX = 256
const revokes = new Map<number, (outcome: RevokeOutcome) => void>()
let lastRevoke = 0
process.on('uncaughtException', fail)

// Messages that come while we compose wait in the port until there is a listener.
const app = await composeWorker(start, {
  keyWanted: (name) => tell({ kind: 'key-wanted', app: name }),
  stuck: (reason) => tell({ kind: 'stuck', reason }),
  revoke: (revocation) =>
    new Promise((resolve) => {
      if (revokes.size >= REVOKES_MAX) return resolve('busy')
      const id = ++lastRevoke
      revokes.set(id, resolve)
      tell({ kind: 'revoke', id, revocation })
    }),
  killWorkers: () => tell({ kind: 'kill-wanted' }),
})
main.on('message', (message: ToWorker) => void obey(message))
tell({ kind: 'composed' })

async function obey(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'serve':
      await app.serve(message.ports)
      return tell({ kind: 'serving' })
    case 'peer':
      return app.addPeer(message.index, message.address, message.port)
    case 'peer-gone':
      return app.removePeer(message.index, message.address)
    case 'limits':
      return app.setLimits(message.limits)
    case 'access':
      return app.accessChanged(message.change)
    case 'revoke-outcome':
      revokes.get(message.id)?.(message.outcome)
      revokes.delete(message.id)
      return
    case 'drain':
      await app.drain(message.withinMs)
      return tell({ kind: 'drained' })
    case 'close':
      await app.close()
      return main.close()
    case 'fault':
      if (message.fault === 'throw') throw new Error('killed on request')
      return exhaustHeap()
    default:
      unreachable(message)
  }
}

function fail(error: unknown): void {
  if (isFailing) return
  isFailing = true
  tell({ kind: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  try {
    app.abandon()
  } catch {
    // It had not been composed, or what failed is what abandon needs; its sockets are closed in any case.
  }
  setImmediate(() => process.exit(1)) // of this thread
}

function tell(message: FromWorker): void {
  main.postMessage(message)
}

function exhaustHeap(): void {
  const hoard: unknown[] = []
  for (;;) hoard.push(new Array(10_000).fill(hoard.length))
}
