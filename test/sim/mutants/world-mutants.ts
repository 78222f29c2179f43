/**
 * Bugs in how the log is used and followed: each a rule left out, or the natural mistake in its place. What stands in
 * parentheses is the rule (rules of the log).
 */
import { type Mutant, mutant, type Patch } from './mutant.js'

const SHARD = 'src/actors/shard.ts'
const CHECKPOINTS = 'src/actors/checkpoints.ts'
const LOOP = 'src/actors/commit-loop.ts'
const TAKEOVER = 'src/actors/takeover.ts'
const UNKNOWN = 'src/actors/unknown-outcome.ts'
const COMMANDS = 'src/actors/conversation-commands.ts'
const CONVERSATION = 'src/actors/conversation.ts'
const LANES = 'src/actors/lanes.ts'
const ROWS = 'src/actors/rows.ts'
const ACTIVATION = 'src/actors/activation.ts'

export const WORLD_MUTANTS: readonly Mutant[] = [
  // §1: answers that wait
  mutant('answer released before append', {
    file: SHARD,
    find: 'return this.loop.horizon()?.answers ?? this.#immediate',
    replace: 'return this.#immediate',
  }),
  mutant('duplicate acked from an in-flight batch', ...answeringAtOnce('flags !== 0')),
  mutant('refusal that rests on what is in flight', {
    file: SHARD,
    find: 'const answers = this.answers()\n    writeRefusal',
    replace: 'const answers = this.#immediate\n    writeRefusal',
  }),
  mutant('replaced owner sends clients back', {
    file: SHARD,
    find: 'if (isGivenUp(refusal)) this.loop.prove()\n',
    replace: '',
  }),
  mutant(
    'lane number told before it is logged',
    {
      file: SHARD,
      find: 'answers(): PendingAnswers {\n',
      replace: 'answers(isHello = false): PendingAnswers {\n    if (isHello) return this.#immediate\n',
    },
    {
      file: 'src/actors/hello-command.ts',
      find: 'const answers = this.#shard.answers()',
      replace: 'const answers = this.#shard.answers(true)',
    },
  ),
  mutant('fenced owner appends after the number it heard', {
    file: LOOP,
    find: "case 'fenced':\n        this.#stepDown()\n        return undefined",
    replace:
      "case 'fenced':\n        this.#place = { ...this.#place, tail: outcome.tail ?? this.#place.tail }\n        return this.#append(batch, life)",
  }),
  mutant('state kept when the log said no', {
    file: LOOP,
    find: 'const place = await replayTo(',
    replace: 'const place = life > 0 ? this.#place : await replayTo(',
  }),

  // §3: taking over
  mutant(
    'no barrier',
    {
      file: TAKEOVER,
      find: 'const barrierTail = await appendBarrier(own, await tailOf(own))',
      replace: 'const barrierTail: Tail | undefined = await tailOf(own)',
    },
    {
      file: TAKEOVER,
      find: "if (outcome.kind !== 'fenced') {",
      replace:
        "if (outcome.kind === 'fenced') return serve(own, { ...place, tail: outcome.tail ?? (await tailOf(own)) })\n  if (outcome.kind !== 'fenced') {",
    },
  ),
  mutant('takeover serves without a word to the log', {
    file: TAKEOVER,
    find: 'const served = await serve(own, place)',
    replace: "const served = own.isCurrent() ? { ...place, epoch: place.epoch + 1 } : ('again' as const)",
  }),
  mutant('stale end of the log believed', {
    file: TAKEOVER,
    find: 'if (place.tail >= end) return place\n',
    replace: 'return { ...place, tail: end }\n',
  }),

  // §4: unknown outcomes
  mutant('unknown taken as success', {
    file: LOOP,
    find: 'void this.#resolve(batch, life)\n        return undefined',
    replace: 'return this.#confirmed(batch, this.#after(this.#place.tail + 1, frame))',
  }),
  mutant('lost batch answered as ok', {
    file: LOOP,
    find: "if (resolved.kind === 'committed') return",
    replace: 'if (life > 0) return',
  }),
  mutant('barrier without expectation', {
    file: UNKNOWN,
    find: 'const outcome = await own.log.append(own.shard, barrier, place.tail)\n',
    replace: `let outcome = await own.log.append(own.shard, barrier, place.tail)
    while (outcome.kind === 'fenced') {
      place = { ...place, tail: outcome.tail ?? (await own.log.tail(own.shard).catch(() => place.tail)) }
      outcome = await own.log.append(own.shard, barrier, place.tail)
    }
`,
  }),
  mutant('own committed batch not recognized', {
    file: UNKNOWN,
    find: 'if (followed.head.attemptOf === attemptOf) isCommitted = true\n',
    replace: '',
  }),
  mutant('foreign frames not noticed while resolving', {
    file: UNKNOWN,
    find: "if (followed.head.owner !== own.owner) return { kind: 'foreign' }\n",
    replace: '',
  }),

  // §5: lanes
  mutant('dropped lanes at retirement', {
    file: ROWS,
    find: 'lanes.lanes.splice(0, lanes.lanes.length, ...found)',
    replace: 'lanes.lanes.length = 0',
  }),
  mutant('lanes not stored', {
    file: ROWS,
    find: 'packer.u32(lanes.lanes.length)\n  for (const lane of lanes.lanes) packLane(lane)',
    replace: 'packer.u32(0)',
  }),
  mutant(
    'gap in a lane accepted',
    {
      file: LANES,
      find: "if (n > this.last) return { kind: 'gap', expected: this.last + 1 }",
      replace: 'if (n > this.last) return NEXT',
    },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of the code
    { file: LANES, find: 'assert(n === this.last + 1, () => `lane gap: last ${this.last}, n ${n}`)', replace: '' },
  ),
  mutant(
    'a resend is a new message',
    {
      file: 'src/actors/lane-answer.ts',
      find: "return { kind: 'duplicate', seq: verdict.seq, time: verdict.time }",
      replace: 'return undefined',
    },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of the code
    { file: LANES, find: 'assert(n === this.last + 1, () => `lane gap: last ${this.last}, n ${n}`)', replace: '' },
  ),
  mutant('final refusal consumes nothing', {
    file: COMMANDS,
    find: "case 'spend':\n",
    replace:
      "case 'spend':\n        if (decision.refusal !== undefined) return shard.refuse(link, k, decision.refusal, frame.ref, frame.n)\n",
  }),

  // §6: rows, snapshots, purge
  mutant(
    'purge of the newest frame',
    {
      file: CHECKPOINTS,
      find: 'parts.log.purge(parts.id, place.tail)',
      replace: 'parts.log.purge(parts.id, place.tail + 1)',
    },
    {
      file: 'test/sim/sim-log-server.ts',
      find: 'for (let at = shard.kept; at < last; at++) {',
      replace: 'for (let at = shard.kept; at <= last; at++) {',
    },
    {
      file: 'test/sim/sim-log-server.ts',
      find: 'return shard.ledger[last]\n',
      replace: 'return undefined\n',
    },
  ),
  mutant('purge before the store has it', {
    file: CHECKPOINTS,
    find: 'parts.projector.submit({',
    replace: 'parts.log.purge(parts.id, place.tail)\n    parts.projector.submit({',
  }),
  mutant('row cut ahead of its position', {
    file: CHECKPOINTS,
    find: 'if (!loop.isIdle) return',
    replace: '',
  }),
  mutant('row misses the last change', {
    file: ROWS,
    find: 'u53(head)',
    replace: 'u53(Math.max(0, state.head - 1))',
  }),
  mutant('actor retired before its row is stored', {
    file: 'src/actors/activations.ts',
    find: 'else if (activation.mayRetire) {',
    replace: 'else if (!activation.isDirty) {',
  }),
  mutant('failed checkpoint taken as stored', {
    file: 'src/actors/projector.ts',
    find: '} catch (cause) {\n',
    replace: '} catch (cause) {\n        if (round.length > 0) break\n',
  }),
  mutant('replay applies what the row has', {
    file: ACTIVATION,
    find: 'return comparePositions(position, activation.rowPosition) <= 0',
    replace: 'return comparePositions(position, activation.rowPosition) < -1',
  }),

  // §8: who may see what
  mutant('isMember for wasMember in history', {
    file: 'src/actors/history-page.ts',
    find: 'if (this.#member.wasAt(seq)) {',
    replace: 'if (this.#member.isNow) {',
  }),
  mutant('isMember for wasMember in fan-out', {
    file: 'src/actors/fan-out.ts',
    find: 'if (!member.wasAt(event.seq)) continue',
    replace: 'if (!member.isNow) continue',
  }),
  mutant('audience of another time', {
    file: 'src/actors/fan-out.ts',
    find: 'isOfNow && known?.memberSeq === memberSeq && ',
    replace: 'known !== undefined && ',
  }),
  mutant('skip missing after rejoin', {
    file: 'src/actors/history-page.ts',
    find: 'writeSkip(this.#out, { ...this.#of, from: this.#skipFrom, to: this.next - 1 })',
    replace: '',
  }),
  mutant('kick not cutting off', {
    file: CONVERSATION,
    find: 'event.event === EventKind.left || event.event === EventKind.kicked',
    replace: 'event.event === EventKind.left',
  }),

  // Stamps
  mutant('wall clock as timestamp', {
    file: CONVERSATION,
    find: 'time: Math.max(now, state.lastTime)',
    replace: 'time: now',
  }),
  mutant('joins counted as messages', {
    file: CONVERSATION,
    find: 'ordinal: isMessage ? state.ordinal + 1 : state.ordinal',
    replace: 'ordinal: state.ordinal + 1',
  }),

  // Epochs, links and queues
  mutant('owner below the known epoch keeps quiet', {
    file: 'src/actors/in-links.ts',
    find: 'if (isBelow(loop, known)) return this.#prove()',
    replace: 'if (isBelow(loop, known)) return',
  }),
  mutant('bytes of a tick shared with the wrong socket', {
    file: 'src/gateway/send-queues.ts',
    find: 'if (own === undefined && sharedEnd === 0) {',
    replace: 'if (own === undefined && sharedEnd === 0 && start > 0) {',
  }),
]

/** Acks for which `when` holds do not wait for the batch that they rest on. */
function answeringAtOnce(when: string): Patch[] {
  return [
    {
      file: SHARD,
      find: 'answers(): PendingAnswers {\n',
      replace: 'answers(isNow = false): PendingAnswers {\n    if (isNow) return this.#immediate\n',
    },
    {
      file: COMMANDS,
      find: 'const answers = this.#shard.answers()\n    writeAck',
      replace: `const answers = this.#shard.answers(${when})\n    writeAck`,
    },
  ]
}
