import { ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { messageStoreConformance } from '../../../test/conformance/message-store.js'
import { EmbeddedMessageStore } from './message-store.js'

const root = mkdtempSync(join(tmpdir(), 'parley-store-'))
afterAll(() => rmSync(root, { recursive: true }))

messageStoreConformance('LMDB', async () => EmbeddedMessageStore.open(join(root, 'conformance')))
ok(true)
