import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { LoneOwner, LoneShard, SHARD } from '../../test/actors/lone-owner.js'
import { HONEST_LOG, type LogFaults } from '../../test/sim/sim-log-server.js'
import { outsidePromises } from '../../test/sim/virtual-time.js'
import { readHead } from '../log/frame.js'
import { seededRandom } from '../std/random.js'

function inTurn(name: string, body: () => void): void {
  test(name, () => outsidePromises(body))
}

/** An owner that serves. */
function serving(shard: LoneShard, name = 'a', ownerSilenceMs?: number): LoneOwner {
  const owner = new LoneOwner(shard, name, ownerSilenceMs)
  owner.start()
  shard.run(5_000)
  ok(owner.loop.isServing, `${name}: ${owner.events.join(', ')}`)
  return owner
}

/** Runs `say` and what it sends to the log under these faults, and what follows without. */
function during(shard: LoneShard, faults: Partial<LogFaults>, say: () => void): void {
  shard.log.faults = { ...HONEST_LOG, ...faults }
  say()
  shard.run(0.1)
  shard.log.faults = HONEST_LOG
}

describe('an append', () => {
  inTurn('is in the log before anybody hears of it', () => {
    const shard = new LoneShard()
    const owner = serving(shard)
    owner.say('one')
    shard.run(100) // the owner asserts it with each ack
    deepEqual([owner.heard, shard.words()], [['ack one'], ['one']])
  })

  inTurn('takes what came while the one before was in flight, in one frame', () => {
    const shard = new LoneShard()
    const owner = serving(shard)
    owner.say('one')
    shard.run(0.1)
    owner.say('two')
    owner.say('three')
    deepEqual(owner.heard, [])
    shard.run(100)
    deepEqual(shard.frames(), ['barrier', 'serve', 'events one', 'events two three'])
    deepEqual(owner.heard, ['ack one', 'ack two', 'ack three'])
  })

  inTurn('holds back an answer that saw it, and no answer that saw nothing undurable', () => {
    const shard = new LoneShard()
    const owner = serving(shard)
    owner.ask('before')
    deepEqual(owner.heard, ['ack before'])
    owner.say('one')
    owner.ask('of the filling batch')
    shard.run(0.1)
    owner.ask('of the batch in flight')
    deepEqual(owner.heard, ['ack before'])
    shard.run(100)
    deepEqual(owner.heard.slice(1), ['ack one', 'ack of the filling batch', 'ack of the batch in flight'])
  })
})

describe('taking over', () => {
  inTurn('is a barrier and a serve frame, with an epoch above every one before', () => {
    const shard = new LoneShard()
    for (const [at, name] of ['a', 'b', 'c'].entries()) {
      const owner = serving(shard, name)
      deepEqual(owner.events, [`served epoch ${at + 1}`])
      owner.say(name)
      shard.run(100)
      deepEqual(owner.state, ['a', 'b', 'c'].slice(0, at + 1))
    }
    deepEqual(shard.frames().slice(0, 5), ['barrier', 'serve', 'events a', 'barrier', 'serve'])
  })

  inTurn('fences the owner before, whose waiters hear that nobody knows', () => {
    const shard = new LoneShard()
    const old = serving(shard, 'old')
    old.say('kept')
    shard.run(100)
    serving(shard, 'new')
    old.say('late')
    shard.run(100)
    deepEqual(old.heard, ['ack kept', 'unknown late'])
    deepEqual(old.events, ['served epoch 1', 'stepped down'])
    deepEqual([old.state, shard.words()], [[], ['kept']])
  })

  inTurn('of two at once ends with one that serves and one that lets it', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const shard = new LoneShard(seed)
      const owners = [new LoneOwner(shard, 'a'), new LoneOwner(shard, 'b', 15_000, 1)]
      for (const owner of owners) owner.start()
      shard.run(30_000)
      const now = owners.filter((owner) => owner.loop.isServing)
      for (const owner of now) owner.say('word')
      shard.run(10_000)
      equal(owners.filter((owner) => owner.heard.includes('ack word')).length, 1, `seed ${seed}`)
    }
  })

  inTurn('stops quietly when it is told to', () => {
    const shard = new LoneShard()
    const owner = new LoneOwner(shard, 'a')
    owner.start()
    shard.run(0.2)
    owner.loop.stop()
    shard.run(10_000)
    deepEqual([owner.events, owner.loop.isStopped], [[], true])
  })

  inTurn('behind the store begins a new incarnation and says so', () => {
    const shard = new LoneShard()
    const position = { logIncarnation: 3, batchNo: 90, index: 0 }
    shard.snapshot = { position, epoch: 7, chain: 1, tail: 1_000 }
    const owner = serving(shard)
    deepEqual(owner.events, ['lost tail', 'served epoch 8'])
    equal(owner.loop.logIncarnation, 4)
  })
})

describe('an append whose outcome is unknown', () => {
  inTurn('was committed: the answer was lost, and the barrier finds it', () => {
    const shard = new LoneShard()
    const owner = serving(shard)
    during(shard, { answerLost: 1 }, () => owner.say('one'))
    shard.run(20_000)
    deepEqual(shard.frames(), ['barrier', 'serve', 'events one'])
    deepEqual(owner.heard, ['ack one'])
  })

  inTurn('was lost for certain once a barrier stands in its place, and is appended again as the same batch', () => {
    const shard = new LoneShard()
    const owner = serving(shard)
    during(shard, { requestLost: 1 }, () => owner.say('one'))
    shard.run(20_000)
    deepEqual(shard.frames(), ['barrier', 'serve', 'barrier', 'events one'])
    deepEqual(owner.heard, ['ack one'])
  })

  inTurn('arrives after all: what comes late is in the log once or not at all', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const shard = new LoneShard(seed)
      const owner = serving(shard)
      during(shard, { requestLate: 1 }, () => owner.say('one'))
      shard.run(60_000)
      deepEqual([shard.words(), owner.heard], [['one'], ['ack one']], `seed ${seed}`)
    }
  })

  inTurn('keeps answering, and what came meanwhile leaves behind it', () => {
    const shard = new LoneShard()
    const owner = serving(shard)
    during(shard, { requestLost: 1 }, () => owner.say('one'))
    shard.run(1_000)
    owner.say('two')
    owner.ask('what stands')
    deepEqual([owner.loop.isServing, owner.heard], [true, []])
    shard.run(20_000)
    deepEqual(shard.words(), ['one', 'two'])
    deepEqual(owner.heard, ['ack one', 'ack two', 'ack what stands'])
  })

  inTurn('below a foreign frame stays unknown, and the owner steps down', () => {
    const shard = new LoneShard()
    const old = serving(shard, 'old')
    during(shard, { answerLost: 1 }, () => old.say('one'))
    shard.run(100)
    const next = serving(shard, 'next')
    shard.run(20_000)
    deepEqual(old.heard, ['unknown one'])
    deepEqual(old.events.slice(1), ['stepped down'])
    deepEqual(next.state, ['one'])
  })
})

describe('a log that says no', () => {
  for (const [why, refusal] of [
    ['full', 'log-full'],
    ['read-only', 'log-read-only'],
  ] as const) {
    inTurn(`because it is ${why}: waiters hear so, the state is what is durable, and later it goes on`, () => {
      const shard = new LoneShard()
      const owner = serving(shard)
      owner.say('kept')
      shard.run(100)
      shard.log.refusal = why
      owner.say('refused')
      shard.run(0.1)
      owner.say('behind it')
      shard.run(100)
      deepEqual(owner.heard, ['ack kept', `${refusal} refused`, `${refusal} behind it`])
      deepEqual([owner.state, owner.loop.isServing, owner.loop.refusal], [['kept'], true, refusal])
      deepEqual(owner.events, ['served epoch 1', 'rebuilt'])

      shard.log.refusal = undefined
      shard.run(1_000)
      equal(owner.loop.refusal, undefined)
      owner.say('again')
      shard.run(100)
      deepEqual(shard.words(), ['kept', 'again'])
    })
  }
})

describe('an owner that nobody has heard of for long', () => {
  inTurn('answers at once up to its silence, and above it appends before it answers', () => {
    const shard = new LoneShard()
    const owner = serving(shard, 'a', 15_000)
    owner.say('one')
    shard.run(15_000)
    owner.ask('early')
    deepEqual(owner.heard, ['ack one', 'ack early'])
    shard.run(100)
    owner.ask('late')
    deepEqual(owner.heard.length, 2)
    shard.run(100)
    equal(owner.heard[2], 'ack late')
    equal(shard.frames().at(-1), 'carry')
  })

  inTurn('answers nothing when it was replaced meanwhile', () => {
    const shard = new LoneShard()
    const old = serving(shard, 'old', 1_000)
    serving(shard, 'new')
    old.ask('what stands')
    shard.run(1_000)
    deepEqual(old.heard, ['unknown what stands'])
  })
})

const BAD: LogFaults = {
  requestLost: 0.05,
  answerLost: 0.05,
  requestLate: 0.03,
  commitSlow: 0.03,
  fencedWithoutNumber: 0.3,
  readStale: 0.3,
  readShort: 0.3,
  readFails: 0.2,
}

describe('whatever the log does', () => {
  inTurn(
    'what was acked is in it once, in the order of the acks, and the last owner knows exactly what it holds',
    () => {
      for (let seed = 1; seed <= 60; seed++) {
        const shard = new LoneShard(seed)
        const random = seededRandom(seed + 1_000)
        const owners = ['a', 'b'].map((name, rank) => new LoneOwner(shard, name, 15_000, rank))
        shard.log.faults = BAD
        for (let step = 0; step < 150; step++) {
          const owner = owners[random.uint32() % owners.length]!
          if (owner.loop.isServing) for (let more = random.uint32() % 4; more >= 0; more--) owner.say(`${step}.${more}`)
          else if (owner.loop.isStopped && random.uint32() % 8 === 0) owner.start()
          if (random.uint32() % 60 === 0) shard.log.loseLeader(random.uint32() % 3_000)
          shard.run(random.uint32() % 700)
        }
        shard.log.heal()
        for (const owner of owners) owner.loop.stop()
        const last = serving(shard, 'last')

        const words = shard.words()
        const hint = `seed ${seed}`
        deepEqual(last.state, words, hint)
        equal(new Set(words).size, words.length, hint)
        for (const owner of owners) {
          const acked = owner.heard.filter((line) => line.startsWith('ack ')).map((line) => line.slice('ack '.length))
          deepEqual(
            words.filter((word) => acked.includes(word)),
            acked,
            hint,
          )
        }
        ok(words.length > 0, hint)
      }
    },
  )

  inTurn('an epoch is given once', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const shard = new LoneShard(seed)
      shard.log.faults = BAD
      const owners = ['a', 'b', 'c'].map((name, rank) => new LoneOwner(shard, name, 15_000, rank))
      for (let round = 0; round < 8; round++) {
        for (const owner of owners) if (owner.loop.isStopped) owner.start()
        shard.run(4_000)
      }
      const epochs = shard.log
        .ledger(SHARD)
        .map(({ bytes }) => readHead(bytes, ''))
        .filter(({ kind }) => kind === 3)
        .map(({ epoch }) => epoch)
      deepEqual(
        epochs,
        epochs.map((_, at) => at + 1),
        `seed ${seed}`,
      )
    }
  })
})
