/**
 * A visitor of the demo page in a real Chromium: sees what a person sees, and notes what a person would not like, errors on
 * the console and requests to anybody else.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core'
import type { Needed } from '../support/system-package.js'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const FLAGS = [
  '--no-sandbox', // for root, as in containers
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
]
/** Where pictures go, for people to look at. */
const PICTURES = process.env['PARLEY_PICTURES'] ?? join(tmpdir(), 'parley-pictures')
/** For what a machine with other things to do may take its time over. */
const PATIENCE_MS = 40_000

export const CHROMIUM: Needed = { package: 'chromium', isThere: () => PLACES.some((path) => existsSync(path)) }

/** `seq text`, of messages alone, in the order of the screen. */
export type Shown = readonly string[]

export class Visitor implements AsyncDisposable {
  readonly page: Page
  /** What the console said of errors, and requests to other hosts. Empty is well. */
  readonly complaints: string[] = []
  /** WebSockets that this page has opened. */
  sockets = 0
  readonly #browser: Browser
  readonly #port: number

  static async arrive(port: number, options: BrowserContextOptions = {}): Promise<Visitor> {
    const executablePath = PLACES.find((path) => existsSync(path))!
    const browser = await chromium.launch({ executablePath, args: FLAGS })
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US', ...options })
    context.setDefaultTimeout(PATIENCE_MS)
    const visitor = new Visitor(browser, await context.newPage(), port)
    await visitor.#go()
    return visitor
  }

  /** The same visitor opens the page in another tab. */
  async beside(): Promise<Visitor> {
    const other = new Visitor(this.#browser, await this.page.context().newPage(), this.#port)
    await other.#go()
    return other
  }

  private constructor(browser: Browser, page: Page, port: number) {
    this.#browser = browser
    this.#port = port
    this.page = page
    const look = (url: string) => {
      if (new URL(url).host !== `127.0.0.1:${port}`) this.complaints.push(`asks ${url}`)
    }
    page.on('request', (request) => look(request.url()))
    page.on('websocket', (socket) => {
      this.sockets++
      look(socket.url())
    })
    page.on('pageerror', (error) => this.complaints.push(`${error}`))
    page.on('console', (message) => {
      const text = message.text()
      // A browser says so of every dial of a server that is dead, and no page can keep it from that.
      const isDial = /WebSocket connection to .* failed/.test(text)
      if (message.type() === 'error' && !isDial) this.complaints.push(text)
    })
  }

  async #go(): Promise<void> {
    await this.page.goto(`http://127.0.0.1:${this.#port}/`)
  }

  /** The page does nothing for so long, as one that hangs, or that a phone has put to sleep. */
  async sleep(ms: number): Promise<void> {
    await this.page.evaluate(
      `setTimeout(() => { for (const end = performance.now() + ${ms}; performance.now() < end; ); })`,
    )
  }

  at(name: string): Locator {
    return this.page.locator(`[data-test=${name}]`)
  }

  of(user: string, name: string): Locator {
    return this.at(`user-${user}`).locator(`[data-test=${name}]`)
  }

  tab(user: string, name: string): Locator {
    return this.at(`user-${user}`).getByRole('tab', { name })
  }

  async say(user: string, text: string): Promise<void> {
    await this.of(user, 'draft').fill(text)
    await this.of(user, 'draft').press('Enter')
  }

  async press(name: string, user?: string): Promise<void> {
    await (user === undefined ? this.at(name) : this.of(user, name)).click()
  }

  async figure(key: string): Promise<number> {
    return Number(await this.at(`ledger-${key}`).textContent())
  }

  shown(user: string): Promise<Shown> {
    return this.of(user, 'message').evaluateAll((rows) =>
      rows.map((row) => {
        const textOf = (name: string) => row.querySelector(`[data-test=${name}]`)?.textContent ?? ''
        return `${textOf('seq')} ${textOf('text')}`
      }),
    )
  }

  /** Waits until the screen has the text, by itself and without a reload. */
  async sees(user: string, text: string): Promise<void> {
    await this.of(user, 'text').filter({ hasText: text }).first().waitFor()
  }

  async line(user: string, text: string): Promise<void> {
    await this.of(user, 'line').filter({ hasText: text }).waitFor()
  }

  async until(isTrue: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    while (!(await isTrue())) {
      if (performance.now() > deadline) throw new Error('It did not come to be in time')
      await this.page.waitForTimeout(50)
    }
  }

  /** Nothing is on its way any more. */
  async settled(): Promise<void> {
    await this.until(async () => (await this.figure('onTheWay')) === 0)
  }

  async picture(name: string): Promise<void> {
    mkdirSync(PICTURES, { recursive: true })
    await this.page.screenshot({ path: join(PICTURES, `${name}.png`) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
  }
}
