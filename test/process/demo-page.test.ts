/** The demo page as a real server serves it, and the button that kills its workers. The page itself: test/browser. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'vitest'
import { ChatClient } from '../support/chat-client.js'
import { ServerProcess } from '../support/server-process.js'

const DEVELOPMENT = { environment: { PARLEY_SECRET: undefined } }

test('in development the page is at /, with its parts, and what did not change is not sent twice', async () => {
  await using server = await ServerProcess.start(DEVELOPMENT)
  match(server.stdout, new RegExp(`page {5}http://127\\.0\\.0\\.1:${server.port}/`))
  const page = await ask(server, '/')
  deepEqual([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8'])
  match(`${page.headers['content-security-policy']}`, /^default-src 'none';/)
  const parts = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!)
  ok(parts.length >= 3, page.body)
  for (const path of parts) {
    const part = await ask(server, path)
    equal(part.status, 200, path)
    ok(part.body.length > 0)
  }
  const { etag } = page.headers
  const again = await ask(server, '/', { headers: { 'if-none-match': `${etag}` } })
  deepEqual([again.status, again.body, again.headers['content-length']], [304, '', undefined])
  const head = await ask(server, '/', { method: 'HEAD' })
  deepEqual([head.status, head.body, head.headers['content-length']], [200, '', `${page.body.length}`])
  equal((await ask(server, '/', { method: 'POST' })).status, 404)
})

test('outside development there is no page, unless it is wanted, and never a way to kill', async () => {
  await using server = await ServerProcess.start()
  equal((await ask(server, '/')).status, 404)
  equal((await ask(server, '/v1/dev/kill-workers', { method: 'POST' })).status, 404)
  await using shown = await ServerProcess.start({ environment: { PARLEY_DEMO_PAGE: '1' } })
  equal((await ask(shown, '/')).status, 200)
  equal((await ask(shown, '/v1/dev/kill-workers', { method: 'POST' })).status, 404)
})

test('workers that are killed by the button come back, and nothing that was acked is lost', async () => {
  await using server = await ServerProcess.start(DEVELOPMENT)
  const { port } = server
  const alice = await ChatClient.open({ port, user: 'alice', token: await tokenOf(server, 'alice') })
  equal((await alice.send('bob', 1, 'before')).kind, 'ack')
  equal((await ask(server, '/v1/dev/kill-workers')).status, 404)
  const kill = await ask(server, '/v1/dev/kill-workers', { method: 'POST' })
  deepEqual([kill.status, JSON.parse(kill.body)], [202, { workers: 2 }])
  await server.until(() => [...server.stderr.matchAll(/killed on request/g)].length >= 2)
  await until(async () => (await ask(server, '/readyz').catch(() => undefined))?.status === 200)
  const again = await ChatClient.open({ port, user: 'alice', token: await tokenOf(server, 'alice') })
  const answer = await again.send('bob', 2, 'after')
  deepEqual([answer.kind, answer.kind === 'ack' && answer.seq], ['ack', 2])
  again.end()
  equal(server.stdout.match(/ready in/g)?.length, 1, 'the process itself went on')
})

test('no web page of another origin can kill', async () => {
  await using server = await ServerProcess.start(DEVELOPMENT)
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { host: `evil.example:${server.port}` }, // its name leads to 127.0.0.1 now
    { 'sec-fetch-site': 'cross-site' },
  ]
  for (const headers of foreign) {
    const { status, body } = await ask(server, '/v1/dev/kill-workers', { method: 'POST', headers })
    deepEqual([status, /"title":"origin-denied"/.test(body)], [403, true], JSON.stringify(headers))
  }
  ok(!server.stderr.includes('killed on request'), server.stderr)
})

interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
}

function ask(
  { port }: ServerProcess,
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
      let body = ''
      answer.on('data', (text) => {
        body += text
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }))
    })
    asked.on('error', reject).end()
  })
}

async function tokenOf(server: ServerProcess, user: string): Promise<string> {
  return JSON.parse((await ask(server, `/v1/dev/token?user=${user}`)).body).token
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 20))
}
