import { deepEqual, equal, match } from 'node:assert/strict'
import { test } from 'vitest'
import { accessOfApps } from '../test/support/attacks.js'
import type { Config } from './config.js'
import { banner } from './start-banner.js'

const SECRET = 'a secret of at least thirty-two bytes'
const CONFIG: Config = {
  host: '::1',
  port: 0,
  tcpPort: 0,
  dataFolder: '/srv/chat',
  workers: 2,
  secret: SECRET,
  isDevelopmentSecret: true,
  logLevel: 'warn',
  isDemoServed: true,
  access: accessOfApps(undefined),
  tls: undefined,
  limits: {
    connectionsPerUserMax: 1,
    connectionsPerAddressMax: 1,
    connectionsPerWorkerMax: 1,
    framesPerSecondMax: 1,
    userFramesPerSecondMax: 1,
    appFramesPerSecondMax: 1,
    badTokensPerSecondMax: 1,
    sendQueueBytesMax: 1,
  },
  testFaults: false,
  origins: { file: 'parley.toml', workers: 'default', data: 'parley.toml:3', secret: 'default' },
}

const STARTED = {
  ports: { port: 7800, tcpPort: 7801 },
  notice: undefined,
  tookMs: 12.4,
  isTerminal: true,
  isColoured: false,
}

test('the banner says what runs where, what was chosen and why, and what to try', () => {
  const text = banner({ ...STARTED, config: CONFIG })
  match(text, /serves ws:\/\/\[::1\]:7800\/v1\/ws\n.*2 workers \(one per core\), ready in 12 ms, pid \d+\n/)
  match(text, /page {5}http:\/\/\[::1\]:7800\/ in a browser/)
  match(text, /tcp {6}\[::1\]:7801, the same frames without WebSocket\n/)
  match(text, /data {5}\/srv\/chat \(parley\.toml:3\)\n/)
  match(text, /config {3}parley\.toml\n/)
  match(text, /dist\/cli\.js send --user alice bob 'lunch\?'\n/)
  match(text, /alice: ey[\w-]+\.[\w-]+\.[\w-]{43}\n/)
  const kept = banner({ ...STARTED, config: CONFIG, isTerminal: false })
  deepEqual([kept.includes('alice: ey'), kept.includes('doctor')], [false, true])
})

test('tokens and secrets show only where this machine alone can connect, and colours only where asked', () => {
  const config = { ...CONFIG, isDevelopmentSecret: false, origins: { ...CONFIG.origins, secret: 'PARLEY_SECRET' } }
  const text = banner({ ...STARTED, config })
  match(text, /secret {3}PARLEY_SECRET\n/)
  equal(text.includes('alice'), false)
  equal(text.includes(SECRET), false)
  equal(text.includes('\x1b'), false)
  match(banner({ ...STARTED, config, isColoured: true }), /\x1b\[1m/)
})

test('it names the demo page only where that is served', () => {
  equal(banner({ ...STARTED, config: { ...CONFIG, isDemoServed: false } }).includes('page'), false)
})

test('it names a socket library that costs more, and no TCP port where there is none', () => {
  const ports = { port: 7800, tcpPort: undefined }
  const text = banner({ ...STARTED, ports, config: CONFIG, notice: 'ws: more CPU' })
  match(text, /sockets {2}ws: more CPU\n/)
  equal(text.includes('tcp'), false)
})
