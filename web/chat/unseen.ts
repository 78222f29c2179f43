/**
 * How many messages a user has not looked at yet, by conversation: what the server's list counts as unread, less what it
 * counted when this user last had the conversation on the screen. Writing is all the reading that the server knows of.
 */
import { shallowReactive } from 'vue'

export class Unseen {
  /** By the key of the conversation; 0 where all was looked at. */
  readonly counts: Map<string, number> = shallowReactive(new Map())
  readonly #unread = new Map<string, number>()
  readonly #looked = new Map<string, number>()
  #onScreen: string | undefined

  /** This conversation is on the screen from now on, and no other. */
  look(key: string): void {
    this.#onScreen = key
    this.listed(key, this.#unread.get(key) ?? 0)
  }

  /** The list says that so many messages are unread. */
  listed(key: string, unread: number): void {
    this.#unread.set(key, unread)
    const looked = this.#onScreen === key ? unread : Math.min(this.#looked.get(key) ?? 0, unread)
    this.#looked.set(key, looked)
    this.counts.set(key, unread - looked)
  }
}
