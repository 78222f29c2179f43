import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import type { ConnectionEvents } from '../../src/client/link.js'
import { ManualClock } from '../../test/support/manual-clock.js'
import { CutNetwork } from './cut-network.js'

/** A network over a transport that the test plays itself. */
function rig() {
  const clock = new ManualClock()
  const said: string[] = []
  const inner: ConnectionEvents[] = []
  const network = new CutNetwork(
    (_, events) => {
      inner.push(events)
      return { send: () => said.push('sent'), close: () => said.push('inner closed') }
    },
    clock,
    (direction) => said.push(direction),
  )
  const dial = () =>
    network.transport('ws://server', {
      opened: () => said.push('opened'),
      received: () => said.push('received'),
      closed: () => said.push('closed'),
    })
  return { clock, said, inner, network, dial }
}

test('what goes one way or the other passes, and is counted', () => {
  const { said, inner, dial } = rig()
  const connection = dial()
  inner[0]!.opened()
  connection.send(new Uint8Array(1))
  inner[0]!.received(new Uint8Array(1))
  inner[0]!.closed()
  deepEqual(said, ['opened', 'out', 'sent', 'in', 'received', 'closed'])
})

test('a cut ends what is open, later and once; nothing more comes or goes', () => {
  const { clock, said, inner, network, dial } = rig()
  const connection = dial()
  inner[0]!.opened()
  network.cut()
  deepEqual(said, ['opened', 'inner closed'])
  clock.advance(1)
  inner[0]!.received(new Uint8Array(1))
  inner[0]!.closed()
  connection.send(new Uint8Array(1))
  deepEqual(said, ['opened', 'inner closed', 'closed'])
})

test('while it is cut nothing is dialled; then it is again', () => {
  const { clock, said, inner, network, dial } = rig()
  network.cut()
  dial()
  deepEqual(said, [])
  clock.advance(1)
  deepEqual(said, ['closed'])
  equal(inner.length, 0)
  network.restore()
  dial()
  inner[0]!.opened()
  deepEqual(said, ['closed', 'opened'])
})

test('who closes hears nothing more', () => {
  const { clock, said, inner, network, dial } = rig()
  dial().close()
  network.cut()
  inner[0]!.closed()
  clock.advance(1)
  deepEqual(said, ['inner closed'])
})
