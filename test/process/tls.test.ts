/** A server that speaks TLS by itself, and certificates that it cannot serve with. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get } from 'node:https'
import { test } from 'vitest'
import { certificate } from '../conformance/tls-socket-server.js'
import { ServerProcess } from '../support/server-process.js'

const files = certificate()

test.skipIf(files === undefined)(
  'with tls.cert and tls.key the port speaks https, on every worker, and the banner says so',
  async () => {
    const environment = { PARLEY_TLS_CERT: files!.cert, PARLEY_TLS_KEY: files!.key }
    await using server = await ServerProcess.start({ environment })
    match(server.stdout, /serves wss:/)
    match(server.stdout, /https:\/\/127\.0\.0\.1:\d+ with/)
    const ca = readFileSync(files!.cert)
    for (let n = 0; n < 4; n++) {
      const [answer] = await once(get(`https://127.0.0.1:${server.port}/readyz`, { ca, agent: false }), 'response')
      equal(answer.statusCode, 200)
      answer.destroy()
    }
  },
)

test.skipIf(files === undefined)('files that are no pair are refused at start, with the setting', async () => {
  const wrong: [environment: Record<string, string>, why: RegExp][] = [
    [{ PARLEY_TLS_CERT: files!.cert }, /PARLEY_TLS_CERT needs tls\.key beside it/],
    [{ PARLEY_TLS_CERT: files!.cert, PARLEY_TLS_KEY: '/nowhere/key.pem' }, /no pair to serve with: ENOENT/],
    [{ PARLEY_TLS_CERT: files!.cert, PARLEY_TLS_KEY: certificate()!.key }, /no pair to serve with: .*MISMATCH/],
  ]
  for (const [environment, why] of wrong) {
    await using server = ServerProcess.begin({ environment })
    deepEqual((await server.ended).code, 78)
    match(server.stderr, why)
  }
})
