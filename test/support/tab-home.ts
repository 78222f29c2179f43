/** A browser and a server with one conversation, for tests of the tabs that share a device. */
import { Client } from '../../src/client/client.js'
import type { ClientOptions } from '../../src/client/client-options.js'
import { OneConversationServer } from './one-conversation-server.js'
import { type Tab, TabBrowser } from './tab-browser.js'

export class Home {
  readonly server = new OneConversationServer()
  readonly browser = new TabBrowser(7)

  client(tab = this.tab(), options: Partial<ClientOptions> = {}): Client {
    return new Client({ servers: ['ws://server/'], token: 'token', storage: tab, ...options }, tab.platform)
  }

  tab(): Tab {
    return this.browser.open(this.server.transport)
  }

  /** Tabs that are connected, the first of which leads. */
  async tabs(count: number): Promise<{ tab: Tab; client: Client }[]> {
    const tabs: { tab: Tab; client: Client }[] = []
    for (let each = 0; each < count; each++) {
      const tab = this.tab()
      tabs.push({ tab, client: this.client(tab) })
      void tabs.at(-1)!.client.connect()
      await this.soon()
    }
    return tabs
  }

  soon(): Promise<void> {
    return this.browser.quiet(1_500)
  }

  /** Another tab has taken over from one that says nothing. */
  longer(): Promise<void> {
    return this.browser.quiet(30_000)
  }
}
