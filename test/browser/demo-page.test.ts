/**
 * A newcomer's path, in a real Chromium against a real server: the page, two users who chat, a network that is cut, a server
 * that is killed. Whatever happens, both screens end the same, and the page's own count says that nothing was lost or
 * doubled. Pictures of it go to PARLEY_PICTURES, or the system's folder for temporary files.
 */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tokenOf } from '../support/chat-client.js'
import { ServerProcess } from '../support/server-process.js'
import { testWith } from '../support/system-package.js'
import { CHROMIUM, Visitor } from './visitor.js'

const MINUTES = { timeout: 180_000 }
const DEVELOPMENT = { environment: { PARLEY_SECRET: undefined } }

testWith(
  CHROMIUM,
  'two users chat; one is cut off while the other writes, and finds all of it in order',
  MINUTES,
  async () => {
    await using server = await ServerProcess.start(DEVELOPMENT)
    await using visitor = await Visitor.arrive(server.port)
    await visitor.line('alice', 'Connected')
    await visitor.line('bob', 'Connected')
    await visitor.say('alice', 'Lunch at the usual place?')
    await visitor.sees('bob', 'Lunch at the usual place?')
    await visitor.say('bob', 'Yes. Ten past twelve?')
    await visitor.sees('alice', 'Ten past twelve?')

    await visitor.press('cut', 'bob')
    await visitor.line('bob', 'Network cut')
    for (const text of ['Are you on the train already?', 'I will save you a seat.']) await visitor.say('alice', text)
    await visitor.say('bob', 'In a tunnel, I think.')
    await visitor.of('bob', 'progress').filter({ hasText: 'waits here' }).waitFor()
    await visitor.until(async () => (await visitor.figure('acked')) === 4)
    equal(await visitor.figure('onTheWay'), 3)
    deepEqual((await visitor.shown('bob')).slice(-1), ['– In a tunnel, I think.'])
    await visitor.picture('cut')

    await visitor.press('restore', 'bob')
    await visitor.settled()
    const expected = [
      '2 Lunch at the usual place?',
      '3 Yes. Ten past twelve?',
      '4 Are you on the train already?',
      '5 I will save you a seat.',
      '6 In a tunnel, I think.',
    ]
    for (const user of ['alice', 'bob']) deepEqual(await visitor.shown(user), expected)
    deepEqual(await figuresOf(visitor), { sent: 5, acked: 5, received: 5, onTheWay: 0, lost: 0, doubled: 0 })
    await visitor.picture('light')

    await visitor.tab('bob', 'alice').click()
    for (const text of ['psst', 'the cake is for her']) await visitor.say('bob', text)
    await visitor.of('alice', 'unread').filter({ hasText: '2' }).waitFor()
    deepEqual(await visitor.shown('alice'), expected)
    await visitor.picture('unread')
    await visitor.tab('alice', 'bob').click()
    await visitor.sees('alice', 'the cake is for her')
    await visitor.until(async () => (await visitor.of('alice', 'unread').count()) === 0)
    await visitor.page.reload()
    await visitor.say('bob', 'still here?')
    await visitor.sees('alice', 'still here?')
    equal(await visitor.of('alice', 'unread').count(), 0)
    deepEqual(visitor.complaints, [])
  },
)

testWith(
  CHROMIUM,
  'the server is killed with -9 and started: both connect again by themselves, nothing is lost',
  MINUTES,
  async () => {
    const dataFolder = mkdtempSync(join(tmpdir(), 'parley-demo-'))
    const first = await ServerProcess.start({ ...DEVELOPMENT, dataFolder })
    const { port } = first
    try {
      await using visitor = await Visitor.arrive(port)
      await visitor.say('alice', 'before')
      await visitor.sees('bob', 'before')
      for (const pid of [first.parentPid, first.pid]) process.kill(pid, 'SIGKILL')
      await first.ended
      await visitor.line('bob', 'Reconnecting')
      await visitor.say('bob', 'while it was dead')
      await visitor.picture('dead')
      await using _second = await ServerProcess.start({ ...DEVELOPMENT, dataFolder, port })
      await visitor.sees('alice', 'while it was dead')
      await visitor.say('alice', 'after')
      await visitor.sees('bob', 'after')
      await visitor.settled()
      for (const user of ['alice', 'bob']) {
        deepEqual(await visitor.shown(user), ['2 before', '3 while it was dead', '4 after'])
      }
      deepEqual(await figuresOf(visitor), { sent: 3, acked: 3, received: 3, onTheWay: 0, lost: 0, doubled: 0 })
      deepEqual(visitor.complaints, [])
    } finally {
      rmSync(dataFolder, { recursive: true, force: true })
    }
  },
)

testWith(
  CHROMIUM,
  'a page that was open while the server began anew, with other data, begins anew too',
  MINUTES,
  async () => {
    const first = await ServerProcess.start(DEVELOPMENT)
    const { port } = first
    await using visitor = await Visitor.arrive(port)
    for (const text of ['one', 'two']) await visitor.say('alice', text)
    await visitor.sees('bob', 'two')
    await first[Symbol.asyncDispose]() // its data goes with it
    await using _second = await ServerProcess.start({ ...DEVELOPMENT, port })
    await visitor.until(async () => (await visitor.figure('sent')) === 0)
    await visitor.say('alice', 'new')
    await visitor.sees('bob', 'new')
    for (const user of ['alice', 'bob']) deepEqual(await visitor.shown(user), ['2 new'])
    deepEqual(visitor.complaints, [])
  },
)

testWith(
  CHROMIUM,
  'four users talk while the workers are killed twice, and every screen ends the same',
  MINUTES,
  async () => {
    await using server = await ServerProcess.start(DEVELOPMENT)
    await using visitor = await Visitor.arrive(server.port, { colorScheme: 'dark' })
    await visitor.say('alice', 'hello')
    await visitor.sees('bob', 'hello')
    for (const user of ['carol', 'dave']) {
      await visitor.press('add')
      await visitor.sees(user, 'hello')
    }
    await visitor.press('talk')
    for (const sent of [8, 20]) {
      await visitor.until(async () => (await visitor.figure('sent')) >= sent)
      await visitor.press('kill')
    }
    await visitor.picture('dark-killed')
    await visitor.until(async () => (await visitor.figure('sent')) >= 30)
    await visitor.press('talk')
    await visitor.settled()
    const { sent, acked, received, lost, doubled } = await figuresOf(visitor)
    deepEqual({ acked, received, lost, doubled }, { acked: sent, received: (sent! - 1) * 3 + 1, lost: 0, doubled: 0 })
    const shown = await visitor.shown('alice')
    equal(shown.length, sent)
    for (const user of ['bob', 'carol', 'dave']) deepEqual(await visitor.shown(user), shown)
    await visitor.picture('dark')
    deepEqual(visitor.complaints, [])
  },
)

testWith(
  CHROMIUM,
  'on a phone one user is shown at a time; language and colours are remembered; a reload loses nothing',
  MINUTES,
  async () => {
    await using server = await ServerProcess.start(DEVELOPMENT)
    const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }
    await using visitor = await Visitor.arrive(server.port, phone)
    const { page } = visitor
    await visitor.say('alice', 'from a phone')
    await visitor.picture('phone')
    equal(await page.evaluate('document.documentElement.scrollWidth'), 390)
    equal(await visitor.at('user-bob').isVisible(), false)
    await visitor.page.getByRole('tab', { name: /bob.*1 unread/i }).waitFor()
    await page.getByRole('tab', { name: 'alice' }).first().press('ArrowRight')
    await visitor.sees('bob', 'from a phone')
    equal(await visitor.at('user-alice').isVisible(), false)

    await visitor.press('cut', 'bob')
    await visitor.say('bob', '隧道里写的')
    await visitor.of('bob', 'progress').filter({ hasText: 'waits here' }).waitFor()
    await visitor.at('language').selectOption('zh')
    await visitor.at('theme').selectOption('dark')
    await visitor.picture('phone-chinese-cut')
    await page.reload()
    await visitor.line('alice', '已连接')
    await visitor.sees('alice', '隧道里写的')
    equal(await page.evaluate('document.documentElement.lang'), 'zh-CN')
    equal(await page.evaluate('getComputedStyle(document.body).colorScheme'), 'dark')
    await page.setViewportSize({ width: 1280, height: 800 })
    await visitor.picture('chinese')
    deepEqual(visitor.complaints, [])
  },
)

testWith(CHROMIUM, 'where the server gives no tokens away, visitors bring theirs', MINUTES, async () => {
  await using server = await ServerProcess.start({ environment: { PARLEY_DEMO_PAGE: '1' } })
  await using visitor = await Visitor.arrive(server.port)
  for (const user of ['erin', 'frank']) {
    await visitor.at('token').fill(tokenOf(user))
    await visitor.press('enter')
    await visitor.line(user, 'Connected')
  }
  await visitor.say('erin', 'with a token of my own')
  await visitor.sees('frank', 'with a token of my own')
  await visitor.at('token').fill('nonsense')
  await visitor.press('enter')
  ok(await visitor.page.getByRole('alert').isVisible())
  equal(await visitor.at('kill').count(), 0)
  await visitor.picture('tokens')
  visitor.complaints.splice(0, 1) // that there are no tokens the browser notes as an error of its own
  deepEqual(visitor.complaints, [])
})

async function figuresOf(visitor: Visitor): Promise<Record<string, number>> {
  const keys = ['sent', 'acked', 'received', 'onTheWay', 'lost', 'doubled']
  const values = await Promise.all(keys.map((key) => visitor.figure(key)))
  return Object.fromEntries(keys.map((key, index) => [key, values[index]!]))
}
