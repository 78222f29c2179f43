import { deepEqual, equal } from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import type { LiveConfig } from './config.js'
import { Reload } from './reload.js'

const APP = '[[apps]]\nid = "shop"\nkeys = [{ alg = "HS256", secret = "Wq8-shop-2Lr0Zt5Kx9Bv3Nm7Jc1Hd6Fg4" }]\n'

function reloading(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'parley-reload-'))
  const path = join(folder, 'parley.toml')
  writeFileSync(path, text)
  const taken: LiveConfig[] = []
  const fetching: unknown[] = []
  const lines: unknown[] = []
  const note = ({ event, changed, needRestart }: Record<string, unknown>) => lines.push([event, changed, needRestart])
  const reload = new Reload({
    environment: {},
    folder,
    pool: { reconfigure: (live) => taken.push(live) },
    keeper: { reconfigure: (access) => fetching.push(access) },
    logger: { warn: note, error: note } as never,
  })
  const write = (changed: string) => {
    writeFileSync(path, changed)
    reload.run()
  }
  const remove = () => {
    rmSync(path)
    reload.run()
  }
  return { taken, fetching, lines, write, remove }
}

test('live settings are handed on, what needs a restart is named, and a refused file changes nothing', () => {
  const { taken, lines, write } = reloading('port = 7800\n')
  write('port = 7801\n[limits]\nframes_per_second = 7\nconnections_per_worker = 5\n')
  write('port = 7801\nprot = 1\n[limits]\nframes_per_second = 8\n')
  write('port = 7801\n[access]\ndeny = ["nowhere"]\n')

  deepEqual(
    taken.map(({ limits: { framesPerSecondMax, connectionsPerWorkerMax } }) => [
      framesPerSecondMax,
      connectionsPerWorkerMax,
    ]),
    [[7, 19_000]],
  )
  deepEqual(lines, [
    ['config-reloaded', ['limits.frames_per_second'], ['port', 'limits.connections_per_worker']],
    ['config-refused', undefined, undefined],
    ['config-refused', undefined, undefined],
  ])
})

test('apps and lists are taken over, by workers and by who fetches keys', () => {
  const { taken, fetching, lines, write } = reloading(APP)
  write(`${APP}[access]\norigins = ["https://chat.example"]\ndeny = ["10.0.0.0/8"]\n`)
  write(`${APP}issuer = "https://id.example"\n`)
  const [lists, issuer] = taken.map(({ access }) => access)
  deepEqual([lists!.origins, lists!.addresses.deny], [['https://chat.example'], ['10.0.0.0/8']])
  equal(issuer!.apps![0]!.issuer, 'https://id.example')
  deepEqual(fetching, [lists, issuer])
  deepEqual(lines, [
    ['config-reloaded', ['access.origins', 'access.deny'], []],
    ['config-reloaded', ['access.origins', 'access.deny', 'apps'], []],
  ])
})

test('from apps with keys to one secret there is no way without a restart', () => {
  const { taken, lines, write } = reloading(APP)
  write('secret = "Ty3-bank-7Ui1Op9As5Df2Gh8Jk6Lz0Xc4"\n')
  equal(taken[0]!.access.apps![0]!.id, 'shop')
  deepEqual(lines, [['config-reloaded', [], ['secret', 'apps']]])
})

test('a file that is gone opens nothing: it is refused', () => {
  const { taken, lines, remove } = reloading(`${APP}[access]\ndeny = ["10.0.0.0/8"]\n`)
  remove()
  deepEqual([taken, lines], [[], [['config-refused', undefined, undefined]]])
})
