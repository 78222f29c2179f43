/** The README's chat, run as it is printed. */
import { deepEqual, ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'vitest'
import { signToken } from '../../src/access/token.js'
import { SECRET, ServerProcess } from '../support/server-process.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const LINES_MAX = 10

test('ten lines of README are a working chat', async () => {
  const readme = readFileSync(`${ROOT}README.md`, 'utf8')
  const program = /<!-- chat:.*-->\n```js\n([\s\S]*?)```/.exec(readme)?.[1]
  ok(program !== undefined, 'the README has no chat')
  ok(program.trim().split('\n').length <= LINES_MAX)

  await using server = await ServerProcess.start()
  const token = (user: string) => signToken(SECRET, { app: 'test', user, expiresAt: Date.now() + 60_000 })
  const file = `${ROOT}chat-of-readme-${process.pid}.mjs`
  writeFileSync(file, program)
  try {
    const environment = { SERVER: `ws://127.0.0.1:${server.port}/v1/ws`, ALICE: token('alice'), BOB: token('bob') }
    const run = promisify(execFile)(process.execPath, [file], {
      env: { ...process.env, ...environment },
      timeout: 3_000,
    })
    const ended = await run.catch((stopped: { stdout: string; stderr: string }) => stopped) // it stays connected
    deepEqual(ended.stdout.trim().split('\n').sort(), ['1 alice: lunch?', 'durable at 1'], ended.stderr)
  } finally {
    rmSync(file)
  }
})
