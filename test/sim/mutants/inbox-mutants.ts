/** Bugs in outboxes, conversation lists and what users decide of them (rules §6, §7, §9, §11). */
import { type Mutant, mutant } from './mutant.js'

const OUTBOX = 'src/actors/outbox.ts'
const HEADS_OUT = 'src/actors/heads-out.ts'
const HEADS_IN = 'src/actors/heads-in.ts'
const MARKS = 'src/actors/mark-command.ts'
const LIST = 'src/actors/conversation-list.ts'
const ROWS = 'src/actors/rows.ts'

export const INBOX_MUTANTS: readonly Mutant[] = [
  // §6, §7: outboxes, the inbox and its cursor
  mutant('heads told once, whatever becomes of them', {
    file: HEADS_OUT,
    find: 'if (userShard.waiting.has(owed)) owed.open--\n      userShard.waiting.add(owed)',
    replace: 'owed.open--',
  }),
  mutant('checkpoint does not name who owes', {
    file: OUTBOX,
    find: 'for (const { activation } of this.#owed) keys.get(pageOf(activation.key))?.push(activation.key)',
    replace: '',
  }),
  mutant('heads taken before the log has them', {
    file: HEADS_IN,
    find: 'const batch = loop.horizon()\n    if (batch === undefined) from',
    replace: 'const batch = loop.isServing ? undefined : loop.horizon()\n    if (batch === undefined) from',
  }),
  mutant('heads taken for inboxes that are not in memory', {
    file: HEADS_IN,
    find: 'if (isCurrent() && this.#missing(all).length === 0) ',
    replace: 'if (isCurrent()) ',
  }),
  mutant('heads told before they are durable', {
    file: HEADS_OUT,
    find: 'const batch = loop.horizon()',
    replace: 'const batch = loop.isServing ? undefined : loop.horizon()',
  }),
  mutant(
    'head applied by last instead of max',
    {
      file: LIST,
      find: 'headOf(heads, member) > entry.head ||',
      replace: 'headOf(heads, member) !== entry.head ||',
    },
    { file: LIST, find: 'if (head > entry.head) {', replace: 'if (head !== entry.head) {' },
  ),
  mutant('membership applied by last instead of max', {
    file: LIST,
    find: 'if (member.memberSeq > entry.memberSeq) {',
    replace: 'if (member.memberSeq !== entry.memberSeq) {',
  }),
  mutant('push taken without looking at prev', {
    file: 'src/client/inbox.ts',
    find: '} else if (prev > this.#cursor.version) return []',
    replace: '}',
  }),
  mutant('list page not stored', {
    file: HEADS_IN,
    find: '      inbox.touch(entry)\n',
    replace: '',
  }),

  mutant('who has left hears of later heads', {
    file: LIST,
    find: 'return member.isMember ? heads.head : member.memberSeq',
    replace: 'return heads.head',
  }),
  mutant('what was said before joining is unread', {
    file: LIST,
    find: 'entry.readOrdinal = Math.max(entry.readOrdinal, member.joinOrdinal)',
    replace: '',
  }),
  mutant('an owner that takes over owes nothing', {
    file: OUTBOX,
    find: 'if (comparePositions(position, this.#rowPosition) > 0) this.#oweAll(activation)',
    replace: '',
  }),

  // §9: markers
  mutant('own sends are unread', {
    file: 'src/actors/heads.ts',
    find: 'readOrdinal: member.readOrdinal',
    replace: 'readOrdinal: 0',
  }),
  mutant('markers not carried to conversations', {
    file: 'src/actors/markers-out.ts',
    find: 'if (entry.readSeq <= entry.toldReadSeq ||',
    replace: 'if (entry.readSeq >= 0 ||',
  }),
  mutant('markers of conversations not replayed', {
    file: 'src/actors/replay.ts',
    find: 'applyReading(activation.state,',
    replace: 'if (seq < 0) applyReading(activation.state,',
  }),
  mutant('an owner that takes over carries no markers', {
    file: 'src/actors/shard.ts',
    find: "if (activation.kind === 'inbox') this.outbox.markers.oweAll(activation)",
    replace: '',
  }),
  mutant('mentions not replayed', {
    file: 'src/actors/replay.ts',
    find: 'event === EventKind.message ? mentionsOf',
    replace: 'event === 0 ? mentionsOf',
  }),
  mutant('mentions not told', {
    file: 'src/actors/heads.ts',
    find: 'mentionSeq: member.mentionSeq',
    replace: 'mentionSeq: 0',
  }),
  mutant('marker applied by last instead of max', {
    file: LIST,
    find: 'if (seq > entry.readSeq) {\n      entry.readSeq = seq\n      // Who',
    replace: 'if (seq > 0) {\n      entry.readSeq = seq\n      entry.readOrdinal = 0\n      // Who',
  }),
  mutant(
    'mark acked before the log has it',
    {
      file: MARKS,
      find: 'const answers = this.#shard.answers()\n',
      replace: 'const answers = new PendingAnswers()\n',
    },
    {
      file: MARKS,
      find: 'this.#shard.leave(answers)',
      replace: 'answers.send()',
    },
    {
      file: MARKS,
      find: "import { crc32OfText } from '../std/crc32.js'",
      replace: "import { crc32OfText } from '../std/crc32.js'\nimport { PendingAnswers } from './batch.js'",
    },
  ),
  mutant('a mark is taken again when it is resent', {
    file: 'src/actors/inbox.ts',
    find: 'if (early !== undefined) return early\n  const { lane, n, hash }',
    replace: "if (early !== undefined && early.kind !== 'duplicate') return early\n  const { lane, n, hash }",
  }),
  mutant('marks not replayed', {
    file: 'src/actors/replay.ts',
    find: 'activation.touch(applyMark(',
    replace: 'if (n < 0) activation.touch(applyMark(',
  }),
  mutant('lanes of marks not stored', {
    file: ROWS,
    find: 'packLanes(state.lanes ?? NO_LANES)',
    replace: 'packer.u32(0).u32(0)',
  }),
  mutant('whoever is asked for joins', {
    file: 'src/actors/join-checks.ts',
    find: "refusal: check.isFull ? 'user-conversations' : undefined",
    replace: 'refusal: undefined',
  }),
  mutant('a join that was allowed takes up no room before the list has it', {
    file: 'src/actors/join-limits.ts',
    find: 'if (other !== key && !isHeardOf(',
    replace: 'if (other === key && !isHeardOf(',
  }),
  mutant('settings not stored', { file: ROWS, find: '.u8(entry.flags)', replace: '.u8(0)' }),
]
