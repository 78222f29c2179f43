/**
 * One server folder, many lives: devices write without a pause while the server process is killed with -9 at random
 * moments, its start included, and comes back with the next number of workers. In the end everything heals, is read
 * back, and all checkers look at what everybody saw.
 */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Random, seededRandom } from '../../src/std/random.js'
import { check } from '../checkers/check.js'
import type { HistoryLine, Violation } from '../checkers/history.js'
import { between, chance, fork } from '../sim/draw.js'
import { Device } from './device.js'
import { type Readable, readLogged, readStored } from './final-state.js'
import { Lives, within } from './lives.js'
import { GROUP, Load } from './load.js'
import { Recorder } from './recorder.js'

export interface KillsOptions {
  readonly seed: number
  readonly kills: number
  /** Numbers of workers, taken in turn by the lives. */
  readonly workers: readonly number[]
  readonly clients: number
  /** Empty or not there; the data and the history are left in it. */
  readonly folder: string
  /** The life that is about to be killed. */
  onLife?(life: number): void
}

export interface KillsReport {
  readonly seed: number
  readonly kills: number
  /** Of those, before the server had begun to serve. */
  readonly killsInStart: number
  readonly workers: readonly number[]
  readonly clients: number
  readonly asked: number
  readonly acked: number
  readonly refused: number
  readonly events: number
  readonly lines: number
  readonly history: string
  readonly violations: readonly Violation[]
}

const LIFE_MS_MAX = 1_500
const START_MS_MAX = 500
const KILLS_IN_START = 0.2
const HEAL_MS_MAX = 60_000
const READ_MS_MAX = 120_000
const LOOK_MS = 50
const STORE_TRIES = 10
/** Longer than the projector takes from one flush to the next. */
const STORE_MS = 600

export async function runUnderKills(options: KillsOptions): Promise<KillsReport> {
  const { seed, clients, folder } = options
  const random = seededRandom(seed)
  const recorder = new Recorder()
  const devices: Device[] = []
  const server = new Lives(join(folder, 'data'), options.workers, () => {
    for (const device of devices) device.wake()
  })
  for (let index = 0; index < clients; index++) {
    const user = `u${String(index).padStart(3, '0')}`
    devices.push(new Device({ user, device: 'phone', server, random: fork(random), recorder }))
  }
  const load = new Load(devices, fork(random))
  for (const device of devices) device.session.start()
  load.start()
  let killsInStart = 0
  let end: HistoryLine[] | undefined
  try {
    killsInStart = await killAgainAndAgain(server, fork(random), options)
    await server.serving()
    await load.stop()
    await heal(devices, load, recorder)
    for (const device of devices) device.session.stop()
    end = await readEnd(server, devices, load, recorder)
  } catch (error) {
    recorder.trouble(`the run broke off: ${error}`)
  } finally {
    await load.stop()
    for (const device of devices) device.session.stop()
    await server.stop()
  }

  const lines = [...recorder.lines, ...(end ?? [])]
  const history = join(folder, 'history.jsonl')
  await write(history, lines)
  const violations = [
    ...recorder.troubles.map((message) => ({ checker: 'devices', message })),
    ...(end === undefined ? [] : check(lines)),
  ]
  const count = (type: HistoryLine['type']) => lines.reduce((sum, line) => sum + (line.type === type ? 1 : 0), 0)
  return {
    seed,
    kills: options.kills,
    killsInStart,
    workers: options.workers,
    clients,
    asked: count('invoked'),
    acked: count('acked'),
    refused: count('refused'),
    events: count('logged'),
    lines: lines.length,
    history,
    violations,
  }
}

async function killAgainAndAgain(server: Lives, random: Random, { kills, onLife }: KillsOptions): Promise<number> {
  let killsInStart = 0
  for (let life = 1; life <= kills; life++) {
    onLife?.(life)
    const isEarly = chance(random, KILLS_IN_START)
    if (isEarly) killsInStart++
    const current = isEarly ? server.begin() : await server.serving()
    await sleep(between(random, 0, isEarly ? START_MS_MAX : LIFE_MS_MAX))
    if (!current.isAlive) throw new Error(`life ${life} ended by itself: ${current.stdout}${current.stderr}`)
    await current.kill()
  }
  return killsInStart
}

/** Everybody asks for everything, and waits until nothing is missing. */
async function heal(devices: readonly Device[], load: Load, recorder: Recorder): Promise<void> {
  const until = recorder.now + HEAL_MS_MAX
  const isOnline = () => devices.every(({ session }) => session.isOnline)
  const isSettled = () => devices.every(({ session, openCommands }) => session.isSettled && openCommands === 0)
  while (!isOnline() && recorder.now < until) await sleep(LOOK_MS)
  devices.forEach(({ session }, index) => {
    for (const conversation of conversationsOf(load, index)) session.follow(conversation)
  })
  while (!isSettled() && recorder.now < until) await sleep(LOOK_MS)
  devices.forEach(({ user, name, session }, index) => {
    if (!session.isSettled) recorder.trouble(`${name} did not settle within ${HEAL_MS_MAX} ms`)
    for (const { id } of conversationsOf(load, index)) {
      recorder.add({ type: 'settled', at: recorder.now, client: name, user, conversation: id, from: 1 })
    }
  })
}

function conversationsOf(load: Load, index: number) {
  return load.isOfGroup(index) ? [load.direct(index), GROUP] : [load.direct(index)]
}

/** The log through a server that has just been started, the store through its files. */
async function readEnd(
  server: Lives,
  devices: readonly Device[],
  load: Load,
  recorder: Recorder,
): Promise<HistoryLine[]> {
  const directs = new Map<string, Readable>()
  devices.forEach(({ user }, index) => {
    const conversation = load.direct(index)
    directs.set(conversation.id, { conversation, reader: user })
  })
  const readables = [...directs.values(), { conversation: GROUP, reader: devices[0]!.user }]
  await server.stop()
  const { port } = await server.serving()
  const logged = await within(READ_MS_MAX, readLogged(port, readables, recorder.spent), 'history was not read back')
  const heads = new Map<string, number>()
  for (const line of logged) if (line.type === 'logged') heads.set(line.conversation, line.seq)
  for (let left = STORE_TRIES; left > 0; left--) {
    await sleep(STORE_MS)
    await server.stop()
    const stored = await readStored(join(server.folder, 'store'), readables, heads)
    if (stored !== undefined) return [...logged, ...stored]
    await server.serving()
  }
  recorder.trouble('the store did not catch up with the log')
  return logged
}

async function write(path: string, lines: readonly HistoryLine[]): Promise<void> {
  const file = createWriteStream(path)
  for (const line of lines) if (!file.write(`${JSON.stringify(line)}\n`)) await once(file, 'drain')
  file.end()
  await finished(file)
}
