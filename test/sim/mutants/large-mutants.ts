/** Bugs in large conversations: how lists hear of them, and when that changes (rules §7, §11). */
import { type Mutant, mutant } from './mutant.js'

const OUTBOX = 'src/actors/outbox.ts'
const TELLER = 'src/actors/head-teller.ts'
const CLIENT = 'src/client/inbox.ts'

export const LARGE_MUTANTS: readonly Mutant[] = [
  mutant('mode flips before all recorded it', {
    file: 'src/actors/conversation-commands.ts',
    find: 'activation.isModeTold = false\n',
    replace: '',
  }),
  mutant('down-switch forgets members', {
    file: OUTBOX,
    find: 'if (isLarge && activation.isModeTold)',
    replace: 'if (modeSeq > 0 && (activation.isModeTold || !isLarge))',
  }),
  mutant('an owner that takes over believes that all was told', {
    file: OUTBOX,
    find: 'activation.isModeTold = false\n    this.owe(activation)',
    replace: 'this.owe(activation)',
  }),
  mutant('who writes into a large conversation is told nothing', {
    file: OUTBOX,
    find: ', member.wroteSeq, member.mentionSeq)',
    replace: ', member.mentionSeq)',
  }),
  mutant('who is mentioned in a large conversation is told nothing', {
    file: OUTBOX,
    find: ', member.wroteSeq, member.mentionSeq)',
    replace: ', member.wroteSeq)',
  }),
  mutant('news of a large conversation told once, whatever became of it', {
    file: OUTBOX,
    find: 'if (!owed.isOfNews) owed.byShard = new Map()',
    replace: 'owed.byShard = new Map()',
  }),
  mutant('no head beacon', {
    file: TELLER,
    find: 'for (const [owner, inboxes] of audience) owner.tell(inboxes, undefined, what, out.bytes, 0, out.size)',
    replace: '',
  }),
  mutant('heads of large conversations told before they are durable', {
    file: TELLER,
    find: 'this.#shard.loop.whenDurable(() => from.headsTold(question, heads))',
    replace: 'from.headsTold(question, heads)',
  }),
  mutant('heads told to those who are no members', {
    file: TELLER,
    find: 'members.isNow(user) ?',
    replace: 'members.isNow(user) || head > 0 ?',
  }),
  mutant('no heads behind a resumption', {
    file: 'src/actors/resume-command.ts',
    find: 'more || list.largeFrom(0, 1).length === 0 ? 0 : 1',
    replace: '0',
  }),
  mutant('mode not stored with the list', {
    file: 'src/actors/rows.ts',
    find: '.u8(entry.isLarge ? 1 : 0)',
    replace: '.u8(0)',
  }),
  mutant('mode not stored with the conversation', {
    file: 'src/actors/rows.ts',
    find: '.u8(isLarge ? 1 : 0)',
    replace: '.u8(0)',
  }),
  mutant('heads taken by last instead of max', {
    file: CLIENT,
    find: 'told.head <= known.head',
    replace: 'told.head === known.head',
  }),
  mutant('an old record hides that one is back', {
    file: CLIENT,
    find: 'known !== undefined && known.head > entry.head',
    replace: 'known?.isMember === true && entry.isMember && known.head > entry.head',
  }),
]
