/**
 * What people do: mostly write, alone and in bursts, to two people or a group; sometimes make a group, let somebody in,
 * leave, throw somebody out, look something up, write where they may not.
 */
import type { ConversationName } from '../../src/client/command-queue.js'
import { ActorKind, directId, type UserId } from '../../src/domain/ids.js'
import { LIMITS } from '../../src/domain/limits.js'
import { ChangeAction, LIST_FLAGS } from '../../src/protocol/wire-numbers.js'
import type { Random } from '../../src/std/random.js'
import { type Coverage, chance, pick, wholeBetween } from './draw.js'
import type { SimClient } from './sim-client.js'

const GROUPS_MAX = 3
const KINDS = [ActorKind.group, ActorKind.group, ActorKind.channel, ActorKind.room] as const

export class Activity {
  readonly users: readonly string[]
  /** Every conversation that somebody has thought of. */
  readonly conversations: ConversationName[] = []
  readonly #groups: ConversationName[] = []
  readonly #random: Random
  readonly #coverage: Coverage

  constructor(users: readonly string[], random: Random, coverage: Coverage) {
    this.users = users
    this.#random = random
    this.#coverage = coverage
  }

  /** One thing that this device's user does now. */
  act(client: SimClient): void {
    const dice = this.#random.uint32() % 100
    if (dice < 52 || this.#groups.length === 0) this.#write(client, 1)
    else if (dice < 60) this.#write(client, wholeBetween(this.#random, 2, chance(this.#random, 0.1) ? 150 : 12))
    else if (dice < 70) this.#change(client, ChangeAction.invite, 'invite')
    else if (dice < 76) this.#change(client, ChangeAction.kick, 'kick')
    else if (dice < 80) this.#change(client, ChangeAction.leave, 'leave')
    else if (dice < 85) this.#create(client)
    else if (dice < 86) this.#writeTooMuch(client)
    else if (dice < 92) this.#look(client)
    else if (dice < 98) this.#mark(client)
    if (this.#groups.length === 0) this.#create(client)
  }

  #write(client: SimClient, messages: number): void {
    const to = this.#somewhere(client)
    this.#coverage.count(messages > 1 ? 'act: burst' : 'act: send')
    const mentions = chance(this.#random, 0.2) ? this.#some(this.users) : []
    if (mentions.length > 0) this.#coverage.count('act: mention')
    for (let left = messages; left > 0; left--) client.send(to, wholeBetween(this.#random, 0, 48), mentions)
  }

  #writeTooMuch(client: SimClient): void {
    if (client.sharesLane) return // a void cannot tell whose command has its n (docs/guarantees.md)
    this.#coverage.count('act: send too large')
    client.send(this.#somewhere(client), LIMITS.bodyBytesMax + 1)
  }

  #create(client: SimClient): void {
    const isNew = this.#groups.length < GROUPS_MAX
    const group = isNew
      ? { kind: pick(this.#random, KINDS), id: `g${this.#groups.length + 1}` }
      : pick(this.#random, this.#groups)
    if (isNew) {
      this.#groups.push(group)
      this.conversations.push(group)
    }
    this.#coverage.count(isNew ? 'act: create' : 'act: create again')
    client.change(group, ChangeAction.create, this.#some(this.users))
  }

  #change(client: SimClient, action: ChangeAction, name: string): void {
    this.#coverage.count(`act: ${name}`)
    client.change(pick(this.#random, this.#groups), action, action === ChangeAction.leave ? [] : this.#some(this.users))
  }

  #look(client: SimClient): void {
    if (this.conversations.length === 0) return
    this.#coverage.count('act: look')
    client.session.follow(pick(this.#random, this.conversations))
  }

  /** Reads up to where the list stands, or changes a setting. */
  #mark(client: SimClient): void {
    const listed = [...client.session.inbox.entries]
    if (listed.length === 0) return
    const { conversationKind, conversation, head: seq, ordinal } = pick(this.#random, listed)
    const name = { kind: conversationKind as ConversationName['kind'], id: conversation }
    const isRead = chance(this.#random, 0.6)
    this.#coverage.count(isRead ? 'act: read' : 'act: set')
    const set = isRead ? 0 : wholeBetween(this.#random, 1, LIST_FLAGS)
    const flags = wholeBetween(this.#random, 0, LIST_FLAGS)
    const { incarnation } = client.session.inbox.cursor
    const read = isRead ? { seq, ordinal } : { seq: 0, ordinal: 0 }
    client.mark({ conversation: name, ...read, set, flags, incarnation })
  }

  #somewhere(client: SimClient): ConversationName {
    if (this.#groups.length > 0 && chance(this.#random, 0.6)) return pick(this.#random, this.#groups)
    const id = directId(client.user as UserId, pick(this.#random, this.users) as UserId)
    const known = this.conversations.find((each) => each.id === id)
    if (known !== undefined) return known
    const direct = { kind: ActorKind.direct, id }
    this.conversations.push(direct)
    return direct
  }

  #some(users: readonly string[]): string[] {
    const some = users.filter(() => chance(this.#random, 0.4))
    return some.length > 0 ? some : [pick(this.#random, users)]
  }
}
