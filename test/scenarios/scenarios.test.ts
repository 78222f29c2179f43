/**
 * The stories of this folder come out as they are written down, over every wire. `UPDATE=1` writes them anew, as they come
 * out over the first; the diff is what we read.
 */
import { equal, throws } from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { outsidePromises } from '../sim/virtual-time.js'
import { played } from './transcript.js'
import { WiredNode } from './wired-node.js'
import { WIRES } from './wires.js'

for (const [name, wire] of Object.entries(WIRES)) {
  describe(`over ${name}`, () => {
    for (const file of readdirSync(import.meta.dirname).filter((name) => name.endsWith('.txt'))) {
      test(file, async () => {
        const path = join(import.meta.dirname, file)
        const written = readFileSync(path, 'utf8')
        const fresh = await outsidePromises(() => played(written, new WiredNode(wire)))
        if (process.env['UPDATE'] === '1' && name === 'fb') writeFileSync(path, fresh)
        else equal(written, fresh)
      })
    }
  })
}

test('a sentence that nobody understands is an error', () =>
  outsidePromises(() =>
    throws(() => played('alice sings', new WiredNode(WIRES.fb)), /no transcript may say: alice sings/),
  ))
