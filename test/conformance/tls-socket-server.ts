/**
 * What a SocketServer over WebSocket promises where it has a certificate: the port speaks TLS and nothing else.
 */
import { deepEqual, equal, rejects } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { WebSocket } from 'ws'
import type { SocketServer, SocketServerOptions } from '../../src/gateway/socket-server.js'
import { answerPlainly, Recorder } from './socket-server.js'

/** A certificate for 127.0.0.1, made anew; undefined where there is no openssl to make it. */
export function certificate(): { readonly cert: string; readonly key: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'parley-tls-'))
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
  try {
    execFileSync('openssl', ['req', '-x509', ...kind, ...name, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    return { cert, key }
  } catch {
    return undefined
  }
}

const files = certificate()

export function tlsSocketServerConformance(
  adapter: string,
  open: (options: SocketServerOptions) => SocketServer,
): void {
  test.skipIf(files === undefined)(`${adapter} speaks TLS with a certificate, and nothing else then`, async () => {
    const server = open({ sharesPort: false, tls: files })
    const recorder = new Recorder()
    const port = await server.listen({ host: '127.0.0.1', port: 0 }, recorder, answerPlainly)
    const ca = readFileSync(files!.cert)
    const [answer] = await once(get(`https://127.0.0.1:${port}/healthz`, { ca, agent: false }), 'response')
    equal(answer.statusCode, 200)
    answer.resume()
    const client = new WebSocket(`wss://127.0.0.1:${port}/v1/ws`, 'parley.v1.fb', { ca })
    await once(client, 'open')
    client.send(new Uint8Array([8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]))
    await recorder.until(() => recorder.bytes.length === 12)
    recorder.sockets[0]!.send(new Uint8Array([1, 2, 3]))
    deepEqual(new Uint8Array((await once(client, 'message'))[0]), new Uint8Array([1, 2, 3]))
    client.terminate()
    await rejects(fetch(`http://127.0.0.1:${port}/healthz`))
    server.closeNow()
  })
}
