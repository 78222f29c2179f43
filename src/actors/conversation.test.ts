import { deepEqual, equal, throws } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { ActorKind, type ActorName, type AppId, type ConversationKind, directId, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { REFUSALS } from '../domain/refusal.js'
import { ChangeAction, EventKind } from '../protocol/wire-numbers.js'
import {
  apply,
  applySpent,
  type Conversation,
  type ConversationCommand,
  type Decision,
  decide,
  emptyConversation,
} from './conversation.js'
import type { LaneName } from './lanes.js'

const NOON = 1_767_268_800_000

/** Says commands to one conversation as a shard does: what is decided is applied. Each user's n counts by itself. */
class Talk {
  readonly state: Conversation
  readonly #n = new Map<string, number>()

  constructor(kind: ConversationKind, id: string) {
    this.state = emptyConversation({ app: 'demo' as AppId, kind, id } satisfies ActorName)
  }

  send(from: string, n = this.next(from), hash = n): ConversationCommand {
    return { kind: 'send', from: from as UserId, lane: laneOf(from), n, hash, mentions: [] }
  }

  change(from: string, action: ChangeAction, users: readonly string[] = [], n = this.next(from)): ConversationCommand {
    return { kind: 'change', action, users: users as UserId[], from: from as UserId, lane: laneOf(from), n, hash: n }
  }

  voided(from: string, n = this.next(from)): ConversationCommand {
    return { kind: 'void', from: from as UserId, lane: laneOf(from), n, hash: 0 }
  }

  next(from: string): number {
    return (this.#n.get(from) ?? 0) + 1
  }

  run(command: ConversationCommand, now = NOON): Decision {
    const decision = decide(this.state, command, now)
    if (decision.kind === 'accept') apply(this.state, decision.event)
    if (decision.kind === 'spend') applySpent(this.state, decision.spent)
    if (decision.kind === 'accept' || decision.kind === 'spend') this.#n.set(command.from, command.n)
    return decision
  }

  /** The seq, or the refusal and whether it used up the n, or what else was decided. */
  outcome(command: ConversationCommand, now = NOON): string {
    const decision = this.run(command, now)
    switch (decision.kind) {
      case 'accept':
        return `seq ${decision.event.seq}`
      case 'spend':
        return decision.refusal === undefined ? 'void' : `${decision.refusal}, n used`
      case 'refuse':
        return decision.expected === undefined ? decision.refusal : `${decision.refusal} from ${decision.expected}`
      case 'duplicate':
        return `duplicate of ${decision.seq}`
      default:
        return decision.kind
    }
  }
}

function laneOf(user: string): LaneName {
  return { device: `${user}'s phone`, number: 1, random: 1n }
}

function direct(a = 'alice', b = 'bob'): Talk {
  return new Talk(ActorKind.direct, directId(a as UserId, b as UserId))
}

function group(owner = 'ann', ...users: string[]): Talk {
  const team = new Talk(ActorKind.group, 'team')
  team.run(team.change(owner, ChangeAction.create, users))
  return team
}

describe('sending', () => {
  test('gives seqs 1, 2, 3… to whoever sends', () => {
    const lunch = direct()
    deepEqual(
      ['alice', 'alice', 'bob', 'alice'].map((from) => lunch.outcome(lunch.send(from))),
      ['seq 1', 'seq 2', 'seq 3', 'seq 4'],
    )
    equal(lunch.state.ordinal, 4)
  })

  test('deciding changes nothing', () => {
    const lunch = direct()
    decide(lunch.state, lunch.send('alice'), NOON)
    deepEqual(lunch.state, direct().state)
  })

  test('a resend has the seq and time of the first send, also after the sender left', () => {
    const team = group('ann', 'ben')
    const first = team.send('ben')
    equal(team.outcome(first), 'seq 2')
    equal(team.outcome(team.change('ben', ChangeAction.leave)), 'seq 3')

    deepEqual(team.run(first, NOON + 60_000), { kind: 'duplicate', seq: 2, time: NOON })
    equal(team.outcome(team.send('ben')), 'not-member, n used')
  })

  test('a resend of what fell out of the window is known to have been accepted, and no more', () => {
    const lunch = direct()
    for (let n = 1; n <= LIMITS.laneWindow + 1; n++) lunch.run(lunch.send('alice'))
    equal(lunch.outcome(lunch.send('alice', 2)), 'duplicate of 2')
    equal(lunch.outcome(lunch.send('alice', 1)), 'already-accepted')
  })

  test('another message under a known n is refused and uses up nothing', () => {
    const lunch = direct()
    lunch.run(lunch.send('alice'))
    equal(lunch.outcome(lunch.send('alice', 1, 999)), 'lane-reused')
    equal(lunch.outcome(lunch.send('alice')), 'seq 2')
  })

  test('a gap names the n that is missing, in a known lane and in a new one', () => {
    const lunch = direct()
    equal(lunch.outcome(lunch.send('alice', 2)), 'send-gap from 1')
    lunch.run(lunch.send('alice'))
    equal(lunch.outcome(lunch.send('alice', 3)), 'send-gap from 2')
    equal(lunch.outcome(lunch.send('alice', 2)), 'seq 2')
  })

  test('a retired lane is refused, whatever n it brings', () => {
    const lunch = direct()
    const inLane = (number: number, n = 1): ConversationCommand => ({
      ...lunch.send('alice', n),
      lane: { device: 'phone', number, random: BigInt(number) },
    })
    for (let number = 1; number <= LIMITS.lanesPerDeviceMax; number++) lunch.run(inLane(number))
    equal(lunch.outcome(inLane(1)), 'duplicate of 1')
    lunch.run(inLane(LIMITS.lanesPerDeviceMax + 1))
    equal(lunch.outcome(inLane(1)), 'lane-retired')
    equal(lunch.outcome(inLane(1, 2)), 'lane-retired')
    equal(lunch.outcome(inLane(2)), 'duplicate of 2')
  })
})

describe('a final refusal', () => {
  test('uses up its n, is given again to a resend even after its reason is gone, and n + 1 goes on', () => {
    const team = group('ann')
    const refused = team.send('ben')
    equal(team.outcome(refused), 'not-member, n used')
    team.run(team.change('ann', ChangeAction.invite, ['ben']))

    deepEqual(team.run(refused), { kind: 'refuse', refusal: 'not-member' })
    equal(team.outcome(team.send('ben')), 'seq 3')
    deepEqual(team.run(refused), { kind: 'refuse', refusal: 'not-member' })
  })

  test('has no seq: the timeline goes on without a gap', () => {
    const team = group('ann')
    team.run(team.send('ben'))
    equal(team.outcome(team.send('ann')), 'seq 2')
  })
})

describe('a void', () => {
  test('uses up its n and says nothing; a copy of what it stood for comes too late', () => {
    const lunch = direct()
    equal(lunch.outcome(lunch.voided('alice')), 'void')
    equal(lunch.outcome(lunch.voided('alice', 1)), 'duplicate of 0')
    equal(lunch.outcome(lunch.send('alice', 1)), 'lane-reused')
    equal(lunch.outcome(lunch.send('alice')), 'seq 1')
  })

  test('of an n that was decided hears what it was', () => {
    const lunch = direct()
    lunch.run(lunch.send('alice'))
    lunch.run(lunch.send('eve'))
    equal(lunch.outcome(lunch.voided('alice', 1)), 'duplicate of 1')
    equal(lunch.outcome(lunch.voided('eve', 1)), 'not-member')
    equal(lunch.outcome(lunch.voided('alice', 3)), 'send-gap from 2')
  })
})

describe('a direct conversation', () => {
  test('exists without being created, for its two users and nobody else', () => {
    const lunch = direct()
    equal(lunch.outcome(lunch.send('alice')), 'seq 1')
    equal(lunch.outcome(lunch.send('eve')), 'not-member, n used')
    equal(lunch.outcome(lunch.change('eve', ChangeAction.create)), 'already-exists, n used')
    equal(direct().outcome(lunch.change('eve', ChangeAction.create, [], 1)), 'not-member, n used')
  })

  test('may be created first, which changes nobody’s membership', () => {
    const lunch = direct()
    equal(lunch.outcome(lunch.change('alice', ChangeAction.create, ['eve'])), 'seq 1')
    equal(lunch.state.members.isNow('eve' as UserId), false)
    equal(lunch.state.members.count, 2)
    equal(lunch.outcome(lunch.send('bob')), 'seq 2')
  })

  test('keeps its members', () => {
    const lunch = direct()
    for (const action of [ChangeAction.invite, ChangeAction.leave, ChangeAction.kick]) {
      equal(lunch.outcome(lunch.change('alice', action, ['bob'])), 'not-owner, n used')
    }
  })

  test('with oneself has one member', () => {
    const notes = direct('alice', 'alice')
    equal(notes.state.members.count, 1)
    equal(notes.outcome(notes.send('alice')), 'seq 1')
  })
})

describe('a group', () => {
  test('does not exist before it was created, and is created once', () => {
    const team = new Talk(ActorKind.group, 'team')
    equal(team.outcome(team.send('ann')), 'not-member, n used')
    equal(team.outcome(team.change('ann', ChangeAction.create, ['ben', 'ben', 'ann'])), 'seq 1')
    equal(team.state.members.count, 2)
    equal(team.outcome(team.change('eve', ChangeAction.create)), 'already-exists, n used')
  })

  test('is owned by whoever created it: only an owner kicks, every member invites', () => {
    const team = group('ann', 'ben')
    equal(team.outcome(team.change('ben', ChangeAction.kick, ['ann'])), 'not-owner, n used')
    equal(team.outcome(team.change('ben', ChangeAction.invite, ['cid'])), 'seq 2')
    equal(team.outcome(team.change('ann', ChangeAction.kick, ['ben'])), 'seq 3')
    equal(team.outcome(team.change('ben', ChangeAction.invite, ['dan'])), 'not-member, n used')
    equal(team.outcome(team.send('ben')), 'not-member, n used')
    equal(team.outcome(team.send('cid')), 'seq 4')
  })

  test('refuses a change that would change nothing', () => {
    const team = group('ann', 'ben')
    equal(team.outcome(team.change('ann', ChangeAction.invite, ['ben'])), 'nothing-to-change, n used')
    equal(team.outcome(team.change('ann', ChangeAction.kick, ['eve'])), 'nothing-to-change, n used')
  })

  test('names in an event only those whom it changed', () => {
    const team = group('ann', 'ben')
    const decision = team.run(team.change('ann', ChangeAction.invite, ['ben', 'cid', 'cid']))
    deepEqual(decision.kind === 'accept' && decision.event.users, ['cid'])
    deepEqual(team.state.members.get('cid' as UserId)!.intervals[0]!.from, 2)
  })

  test('takes exactly its maximum of members, and refuses one more', () => {
    const team = group('ann')
    for (let have = 1; have < LIMITS.groupMembersMax - 1; have += 500) {
      const more = Math.min(500, LIMITS.groupMembersMax - 1 - have)
      team.run(
        team.change(
          'ann',
          ChangeAction.invite,
          Array.from({ length: more }, (_, at) => `u${have + at}`),
        ),
      )
    }
    equal(team.state.members.count, LIMITS.groupMembersMax - 1)
    equal(team.outcome(team.change('ann', ChangeAction.invite, ['x', 'y'])), 'group-full, n used')
    equal(team.outcome(team.change('ann', ChangeAction.invite, ['x'])).slice(0, 3), 'seq')
    equal(team.outcome(team.change('ann', ChangeAction.invite, ['y'])), 'group-full, n used')
  })

  test('remembers when somebody was there, over leaving and coming back', () => {
    const team = group('ann', 'ben')
    team.run(team.change('ben', ChangeAction.leave))
    team.run(team.send('ann'))
    team.run(team.change('ann', ChangeAction.invite, ['ben']))
    deepEqual(
      [1, 2, 3, 4].map((seq) => team.state.members.wasAt('ben' as UserId, seq)),
      [true, true, false, true],
    )
  })
})

describe('the stamp of an event', () => {
  test('has a time that never goes back', () => {
    const lunch = direct()
    const times = [NOON, NOON - 60_000, NOON + 1].map((now) => {
      const decision = lunch.run(lunch.send('alice'), now)
      return decision.kind === 'accept' ? decision.event.time - NOON : undefined
    })
    deepEqual(times, [0, 0, 1])
  })

  test('counts messages in the ordinal and membership in memberSeq', () => {
    const team = group('ann')
    const stamps: number[][] = []
    for (const command of [
      () => team.send('ann'),
      () => team.change('ann', ChangeAction.invite, ['ben']),
      () => team.send('ben'),
      () => team.change('ben', ChangeAction.leave),
      () => team.send('ann'),
    ]) {
      const decision = team.run(command())
      if (decision.kind === 'accept')
        stamps.push([decision.event.seq, decision.event.ordinal, decision.event.memberSeq])
    }
    deepEqual(stamps, [
      [2, 1, 1],
      [3, 1, 3],
      [4, 2, 3],
      [5, 2, 5],
      [6, 3, 5],
    ])
  })
})

describe('apply() asserts what decide() promised', () => {
  const event = (talk: Talk) => {
    const decision = decide(talk.state, talk.send('alice'), NOON)
    if (decision.kind !== 'accept') throw new Error('not accepted')
    return decision.event
  }

  test('no event is left out, none is taken twice', () => {
    const lunch = direct()
    const first = event(lunch)
    throws(() => apply(lunch.state, { ...first, seq: 2 }), /gap in timeline/)
    apply(lunch.state, first)
    throws(() => apply(lunch.state, first), /gap in timeline/)
    throws(() => apply(lunch.state, { ...first, seq: 2 }), /lane gap/)
  })

  test('an event has the kind of its command', () => equal(event(direct()).event, EventKind.message))

  test('a lane never holds a refusal that this build does not know', () => {
    const lunch = direct()
    applySpent(lunch.state, { from: 'alice' as UserId, lane: laneOf('alice'), n: 1, hash: 1, wireCode: 1199 })
    throws(() => lunch.run(lunch.send('alice', 1)), /unknown refusal 1199/)
    const reused = REFUSALS['lane-reused'].wire
    applySpent(lunch.state, { from: 'bob' as UserId, lane: laneOf('bob'), n: 1, hash: 1, wireCode: reused })
    throws(() => lunch.run(lunch.send('bob', 1)), /unknown refusal/)
  })
})

test('in a channel its owner writes and invites, and the members read', () => {
  const news = new Talk(ActorKind.channel, 'news')
  news.run(news.change('alice', ChangeAction.create, ['bob']))
  equal(news.outcome(news.send('alice')), 'seq 2')
  equal(news.outcome(news.send('bob')), 'not-owner, n used')
  equal(news.outcome(news.change('bob', ChangeAction.invite, ['carol'])), 'not-owner, n used')
  equal(news.outcome(news.change('bob', ChangeAction.leave)), 'seq 3')
})
