/**
 * resume: somebody with `--conversations` direct conversations was away while three of them changed, and comes back. What is heard
 * after Welcome must be what changed, whatever else there is.
 *
 * Its numbers: bytes of frames for three changed conversations, beside those for one and for the whole list.
 */
import type { Lab } from '../lab.js'
import { provenance, type Result, rounded } from '../result.js'
import { verdictOf } from './sessions.js'

const CHANGED = 3

export async function resume(lab: Lab): Promise<Result> {
  const { options, secret } = lab
  const target = await lab.server()
  const load = lab.idleLoad()
  const plan = { first: 0, clients: 1 + CHANGED, secret, connectingMax: options.connecting }
  await load.ask('open', plan, target.address)
  await load.ask('beginConversations', options.conversations)
  const whole = await load.ask('resume', { changed: 0, expected: options.conversations }, target.address)
  const one = await load.ask('resume', { changed: 1, expected: 1 }, target.address)
  const three = await load.ask('resume', { changed: CHANGED, expected: CHANGED }, target.address)
  const verdict = await verdictOf([load])
  return {
    ...provenance(options, lab.cores),
    conversations: options.conversations,
    changedConversations: CHANGED,
    resumeBytes: three.bytes,
    resumeBytesOfOne: one.bytes,
    resumeBytesOfAll: whole.bytes,
    resumeBytesRatio: rounded(three.bytes / (CHANGED * one.bytes), 3),
    resumeMs: rounded(three.ms, 1),
    resumeMsOfAll: rounded(whole.ms, 1),
    ...verdict,
    violations: verdict.violations + (three.bytes > CHANGED * one.bytes ? 1 : 0),
  }
}
