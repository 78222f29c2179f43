import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.js'
import { SimulatedDisk } from '../../../test/wal/simulated-disk.js'
import { seededRandom } from '../../std/random.js'
import { WAL_DEFAULTS } from './options.js'
import { Spares } from './spares.js'

const BYTES = 4 * 1024

class Rig {
  readonly clock = new ManualClock()
  readonly alarms: string[] = []
  fault: string | undefined
  readonly folder = new SimulatedDisk(seededRandom(1)).thread((point) => (point === 'sync' ? this.fault : undefined))
  readonly spares = new Spares(this.folder, {
    writer: 0,
    options: { ...WAL_DEFAULTS, sliceBytes: 1024 },
    clock: this.clock,
    random: seededRandom(2),
    alarm: (what) => this.alarms.push(what),
  })

  /** A purged segment comes back. */
  give(name: string): void {
    this.spares.give({ name, file: this.folder.create(name), bytes: BYTES })
  }
}

test('a spare that cannot be made is lacking until one is there', async () => {
  const rig = new Rig()
  rig.fault = 'ENOSPC'
  await rig.spares.prepare(BYTES)
  deepEqual([rig.spares.lacking, rig.alarms.length], [true, 1])
  rig.fault = undefined
  await rig.spares.prepare(BYTES)
  equal(rig.spares.lacking, false)
  equal(rig.spares.take().bytes, BYTES)
})

test('nothing is lacking where a purged segment came while another could not be made', async () => {
  const rig = new Rig()
  rig.fault = 'ENOSPC'
  const made = rig.spares.prepare(BYTES)
  rig.give('w0-00000000000000aa.spare')
  await made
  deepEqual([rig.spares.lacking, rig.alarms.length], [false, 0])
})

test('a spare once begun is finished, though a purged segment comes first', async () => {
  const rig = new Rig()
  const made = rig.spares.prepare(BYTES)
  rig.give('w0-00000000000000aa.spare')
  await made
  deepEqual([rig.spares.take().bytes, rig.spares.take().bytes], [BYTES, BYTES])
})
